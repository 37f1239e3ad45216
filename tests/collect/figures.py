#!/usr/bin/env python3
"""Measures `engagement collect` on a crowd that the example `crowd` has made, and holds it against what is promised.

    figures.py ENGAGEMENT CROWD_FOLDER [--store FILE] [--concurrency N] [--plan-only]

Promised of lifetime totals are as many requests as the plan has, which is as few as could do; 1,000,000 Tweets a minute
on two cores that have nothing else to do than collector and emulator; and 256 MiB of memory that do not become more
over the last half. With --plan-only nothing is sent: promised is that a list is read and planned in 512 MiB, which is
for 10,000,000 ids. Beside that it prints CPU seconds, and what exports of it all take. Each claim that holds is a line;
where one does not, the exit code is 1. The standard library is all that it needs, and /proc of Linux.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

A_MINUTE = 1_000_000
COLLECTED_IN = 256
PLANNED_IN = 512
# What memory that is kept for each Tweet would cost at least: its id, and a place in whatever keeps it.
A_TWEET = 16

failed = []


def claim(holds, words):
    print(f"holds: {words}" if holds else f"DOES NOT HOLD: {words}", flush=True)
    if not holds:
        failed.append(words)


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


def ended(process):
    """Waits for the end: the exit code, and what the process has used."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage


def peak(usage):
    return usage.ru_maxrss / 1024


def plan(asking):
    """The plan, and the MiB that it took."""
    begun = time.monotonic()
    process = subprocess.Popen([*asking, "--dry-run", "-o", "json"], stdout=subprocess.PIPE)
    text = process.stdout.read()
    code, usage = ended(process)
    if code != 0:
        sys.exit(f"the plan ends with {code}")
    found = json.loads(text)
    print(
        f"plan: {found['requests']:,} requests for {found['ids']:,} Tweets, no fewer than {found['lower_bound']:,}, in "
        f"{time.monotonic() - begun:.1f} s and {peak(usage):.0f} MiB"
    )
    return found, peak(usage)


def watch(collector):
    """Samples of memory until it ends, CPU seconds by thread, the exit code and the peak."""
    memory, parts = [], {}
    while True:
        pid, status, usage = os.wait4(collector.pid, os.WNOHANG)
        if pid:
            collector.returncode = os.waitstatus_to_exitcode(status)
            return memory, parts, usage
        now = resident(collector.pid)
        if now:
            memory.append(now)
        try:
            # A thread that has ended is not listed any more.
            for name, cpu in threads(collector.pid).items():
                parts[name] = max(cpu, parts.get(name, 0))
        except OSError:
            pass
        time.sleep(0.05)


def judge_memory(memory, usage, tweets):
    claim(peak(usage) <= COLLECTED_IN, f"memory: peak {peak(usage):.0f} MiB, promised {COLLECTED_IN}")
    claim(len(memory) >= 4, f"memory was looked at {len(memory)} times; 4 are needed to see whether it grows")
    if len(memory) < 4:
        return
    # The middle of each quarter: neither a moment's buffers count, nor the account at the end, which is 16 bytes a Tweet.
    third, last = (statistics.median(memory[len(memory) * n // 4 : len(memory) * (n + 1) // 4]) for n in (2, 3))
    tolerated = A_TWEET * tweets / 4 / 2**20
    claim(
        last - third <= tolerated,
        f"memory over the last half: from {third:.1f} to {last:.1f} MiB, no more than {tolerated:.1f} MiB, which is what "
        f"{A_TWEET} bytes for each of the Tweets that came meanwhile are",
    )


def collect(options, asking, folder):
    crowd = options.crowd
    ready, summary = folder / "ready", folder / "summary.json"
    world = [options.engagement, "emulator", "--world", crowd / "world.toml"]
    emulator = subprocess.Popen(
        [*world, "--quota", "1000000/min", "--ready-file", ready], stdout=subprocess.DEVNULL
    )
    while not ready.exists():
        if emulator.poll() is not None:
            sys.exit("the emulator does not start")
        time.sleep(0.05)
    try:
        planned, _ = plan(asking)
        store = options.store or folder / "figures.db"
        begun, before = time.monotonic(), cpu_seconds(emulator.pid)
        collector = subprocess.Popen(
            [*asking, "--base-url", ready.read_text().strip(), "--store", store, "--summary", summary]
        )
        memory, parts, usage = watch(collector)
        elapsed = time.monotonic() - begun
        emulator_cpu = cpu_seconds(emulator.pid) - before
    finally:
        emulator.terminate()
        emulator.wait()
    found = json.loads(summary.read_text())
    requests, tweets = found["requests"], found["asked"]
    claim(
        collector.returncode == 0 and found["ok"] == tweets == planned["ids"],
        f"exit {collector.returncode}: {found['ok']:,} of {tweets:,} Tweets have values, {found['cells']['ok']:,} in all",
    )
    claim(
        requests == planned["requests"] == planned["lower_bound"],
        f"{requests:,} requests were sent, {planned['requests']:,} planned, {planned['lower_bound']:,} are the fewest",
    )
    work = sum(parts.values())
    print(f"CPU: collector {work:.1f} s {({name: round(cpu, 1) for name, cpu in parts.items()})}, emulator {emulator_cpu:.1f} s")
    # On two cores of one's own nothing is faster than its slowest thread, nor than all of them shared out.
    bound = max([(work + emulator_cpu) / 2, *parts.values()])
    print(f"bound by {max(parts, key=parts.get)}: {tweets / bound * 60:,.0f} Tweets a minute on two cores of one's own")
    rate = tweets / elapsed * 60
    claim(rate >= A_MINUTE, f"{rate:,.0f} Tweets a minute in {elapsed:.1f} s, promised {A_MINUTE:,}")
    judge_memory(memory, usage, tweets)
    for form, out in (("parquet", folder / "lake"), ("csv", folder / "rows.csv")):
        export = [options.engagement, "export", "--store", store, "--format", form, "--out", out]
        begun = time.monotonic()
        code, usage = ended(subprocess.Popen(export))
        print(
            f"export to {form}: exit {code}, {time.monotonic() - begun:.1f} s, CPU "
            f"{usage.ru_utime + usage.ru_stime:.1f} s, peak {peak(usage):.0f} MiB"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engagement")
    parser.add_argument("crowd", type=pathlib.Path)
    parser.add_argument("--store")
    parser.add_argument("--concurrency", default="8")
    parser.add_argument("--plan-only", action="store_true")
    options = parser.parse_args()
    crowd = options.crowd
    asking = [
        options.engagement, "collect", "--config", crowd / "engagement.toml", "--endpoint", "totals",
        "--ids", crowd / "ids.txt", "--owners", crowd / "owners.csv", "--concurrency", options.concurrency,
    ]  # fmt: skip
    if options.plan_only:
        planned, memory = plan(asking)
        claim(planned["requests"] == planned["lower_bound"], "no fewer requests could do")
        claim(memory <= PLANNED_IN, f"{planned['ids']:,} ids read and planned in {memory:.0f} MiB, promised {PLANNED_IN}")
    else:
        with tempfile.TemporaryDirectory() as folder:
            collect(options, asking, pathlib.Path(folder))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
