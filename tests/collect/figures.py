#!/usr/bin/env python3
"""Measures `engagement collect` on a crowd that the example `crowd` has made.

    figures.py ENGAGEMENT CROWD_FOLDER [--store FILE] [--concurrency N]

Prints requests against the plan and its lower bound, Tweets a minute, CPU seconds of collector and emulator, the
collector's peak of resident memory and how it grew over the last half, and what exports of it all take. The standard
library is all that it needs.
"""

import argparse
import json
import os
import pathlib
import subprocess
import tempfile
import time


def resident(pid):
    try:
        fields = pathlib.Path(f"/proc/{pid}/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (OSError, IndexError):
        return None


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def threads(pid):
    """CPU seconds by name of the thread."""
    found = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            text = (task / "stat").read_text()
        except OSError:
            continue
        name, fields = text.split("(", 1)[1].rsplit(")", 1)
        fields = fields.split()
        found[name] = found.get(name, 0) + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engagement")
    parser.add_argument("crowd", type=pathlib.Path)
    parser.add_argument("--store")
    parser.add_argument("--concurrency", default="8")
    options = parser.parse_args()
    crowd = options.crowd
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        ready, summary = folder / "ready", folder / "summary.json"
        world = [options.engagement, "emulator", "--world", crowd / "world.toml"]
        emulator = subprocess.Popen(
            [*world, "--quota", "1000000/min", "--ready-file", ready], stdout=subprocess.DEVNULL
        )
        while not ready.exists():
            time.sleep(0.05)
        asking = [
            options.engagement, "collect", "--config", crowd / "engagement.toml", "--endpoint", "totals",
            "--ids", crowd / "ids.txt", "--owners", crowd / "owners.csv", "--concurrency", options.concurrency,
        ]  # fmt: skip
        begun = time.monotonic()
        plan = json.loads(subprocess.run([*asking, "--dry-run", "-o", "json"], stdout=subprocess.PIPE, check=True).stdout)
        print(f"plan: {plan['requests']} requests, no fewer than {plan['lower_bound']}, in {time.monotonic() - begun:.1f} s")
        store = options.store or folder / "figures.db"
        begun, before = time.monotonic(), cpu_seconds(emulator.pid)
        collector = subprocess.Popen(
            [*asking, "--base-url", ready.read_text().strip(), "--store", store, "--summary", summary]
        )
        memory, parts = [], {}
        while collector.poll() is None:
            now = resident(collector.pid)
            if now is not None:
                memory.append(now)
            try:
                # A thread that has ended is not listed any more.
                for name, cpu in threads(collector.pid).items():
                    parts[name] = max(cpu, parts.get(name, 0))
            except OSError:
                pass
            time.sleep(0.05)
        elapsed = time.monotonic() - begun
        emulator_cpu = cpu_seconds(emulator.pid) - before
        emulator.terminate()
        emulator.wait()
        found = json.loads(summary.read_text())
        rows = found["cells"]["ok"]
        print(f"exit {collector.returncode}: {found['requests']} requests for {found['asked']} Tweets, {rows} values")
        print(f"{elapsed:.1f} s: {found['asked'] / elapsed * 60:,.0f} Tweets a minute")
        work = sum(parts.values())
        print(f"CPU: collector {work:.1f} s {({name: round(cpu, 1) for name, cpu in parts.items()})}, emulator {emulator_cpu:.1f} s")
        # On two cores of one's own nothing is faster than its slowest thread, nor than all of them shared out.
        bound = max([(work + emulator_cpu) / 2, *parts.values()])
        print(f"bound by {max(parts, key=parts.get)}: {found['asked'] / bound * 60:,.0f} Tweets a minute on two cores of one's own")
        half = memory[len(memory) // 2 :]
        print(f"memory: peak {max(memory):.0f} MiB, over the last half {half[0]:.0f} to {max(half):.0f} MiB")
        for form, out in (("parquet", folder / "lake"), ("csv", folder / "rows.csv")):
            export = [options.engagement, "export", "--store", store, "--format", form, "--out", out]
            begun, exporter = time.monotonic(), subprocess.Popen(export)
            _, status, usage = os.wait4(exporter.pid, 0)
            print(
                f"export to {form}: exit {os.waitstatus_to_exitcode(status)}, {time.monotonic() - begun:.1f} s, "
                f"CPU {usage.ru_utime + usage.ru_stime:.1f} s, peak {usage.ru_maxrss / 1024:.0f} MiB"
            )


if __name__ == "__main__":
    main()
