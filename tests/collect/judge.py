#!/usr/bin/env python3
"""Judges `engagement collect` from outside: runs it under kills and faults, and holds what is in the store against the
emulator's own truth.

    judge.py ENGAGEMENT [--tweets N] [--kills N] [--calls N] [--seed N] [--concurrency N]

ENGAGEMENT is the binary. It knows the command line, the tables of the store and the emulator's test interface, and no
code of the project. The standard library is all that it needs. Each claim that holds is a line; the first that does not
ends it with 1. With --calls, strace makes single calls of the system fail, so many of each kind, evenly spread.
"""

import argparse
import contextlib
import http.client
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.parse

STATES = ["ok", "unavailable", "unsupported", "forbidden", "failed", "unaccounted"]
PUBLIC = {"favorites", "retweets", "replies", "quote_tweets", "video_views"}
TOTALS = PUBLIC | {"impressions", "engagements"}


def claim(holds, words):
    if not holds:
        print(f"DOES NOT HOLD: {words}")
        sys.exit(1)
    print(f"holds: {words}", flush=True)


class Emulator:
    """The emulator, on a clock that stands still."""

    def __init__(self, binary, folder):
        ready = folder / "ready"
        command = [binary, "emulator", "--quota", "1000000/min", "--ready-file", ready]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while not ready.exists():
            if self.process.poll() is not None:
                sys.exit("the emulator does not start")
            time.sleep(0.01)
        self.url = ready.read_text().strip()
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.url).netloc)
        self.hour = int(time.time()) // 3600
        self.stop_clock()

    def stop_clock(self):
        """Stops it at this moment, and never in another hour: counts change from hour to hour only."""
        now = min(int(time.time()), self.hour * 3600 + 3599)
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
        self.tell("/_emulator/clock", {"now": now, "frozen": True})

    def ask(self, path, **query):
        query = urllib.parse.urlencode({name: value for name, value in query.items() if value is not None})
        self.connection.request("GET", f"{path}?{query}")
        return self.answer(path)

    def tell(self, path, body):
        self.connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        return self.answer(path)

    def answer(self, path):
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status >= 300:
            sys.exit(f"{path}: {answer.status} {body.decode(errors='replace')}")
        return json.loads(body) if body else None

    def requests(self):
        return self.ask("/_emulator/requests")["total"]

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Stage:
    """A list, who owns what, and credentials in a folder of their own."""

    def __init__(self, binary, folder, emulator, tweets, concurrency):
        self.binary, self.folder, self.emulator, self.concurrency = binary, folder, emulator, concurrency
        world = emulator.ask("/_emulator/world")
        app, accounts = world["apps"][0], world["accounts"]
        lines = ["[profiles.judge]"]
        lines += [f'{name} = "{app[name]}"' for name in ("consumer_key", "consumer_secret", "bearer_token")]
        for account in accounts:
            lines += ["[[profiles.judge.accounts]]", f'handle = "{account["screen_name"]}"']
            lines += [f'{name} = "{account[name]}"' for name in ("access_token", "access_token_secret")]
        kept = folder / "credentials.toml"
        kept.touch(0o600)
        kept.write_text("\n".join(lines) + "\n")
        (folder / "engagement.toml").write_text('default_profile = "judge"\n[profiles.judge]\n')

        self.ids, owners = [], []
        share = tweets // (len(accounts) + 1)
        for account in accounts:
            name = account["screen_name"]
            for tweet_id in emulator.ask("/_emulator/tweets", **{"class": "owned"}, screen_name=name, count=share)[
                "tweet_ids"
            ]:
                self.ids.append(tweet_id)
                owners.append(f"{tweet_id},{name}")
        self.ids += emulator.ask("/_emulator/tweets", **{"class": "unowned"}, count=share)["tweet_ids"]
        self.ids += emulator.ask("/_emulator/tweets", **{"class": "unavailable"}, count=max(share // 50, 3))["tweet_ids"]
        random.shuffle(self.ids)
        (folder / "ids.txt").write_text("\n".join(self.ids) + "\n")
        (folder / "owners.csv").write_text("\n".join(["tweet_id,handle", *owners]) + "\n")

    def command(self, store, *more):
        return [
            self.binary, "collect", "--config", self.folder / "engagement.toml", "--base-url", self.emulator.url,
            "--endpoint", "totals", "--ids", self.folder / "ids.txt", "--owners", self.folder / "owners.csv",
            "--store", store, "--concurrency", str(self.concurrency), *more,
        ]  # fmt: skip

    def begin(self, store, *more, before=(), **options):
        self.emulator.stop_clock()
        stderr = open(self.folder / "stderr.txt", "w")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ENGAGEMENT_")}
        command = [*before, *self.command(store, *more)]
        return subprocess.Popen(command, stderr=stderr, env=environment, **options)

    def collect(self, store, *more, **options):
        """Runs it to its end: exit code and summary."""
        summary = self.folder / "summary.json"
        summary.unlink(missing_ok=True)
        code = self.begin(store, "--summary", summary, *more, **options).wait(timeout=900)
        return code, json.loads(summary.read_text()) if summary.exists() else None

    def said(self):
        return (self.folder / "stderr.txt").read_text()

    def plan(self):
        plan = self.command("none")
        plan = [*plan[: plan.index("--store")], "--dry-run", "-o", "json"]
        return json.loads(subprocess.run(plan, stdout=subprocess.PIPE, check=True).stdout)


def rows(store, sql):
    with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


def facts(store):
    """Everything in it that does not depend on the time."""
    return (
        sorted(rows(store, "select tweet_id, metric, value from totals")),
        sorted(rows(store, "select tweet_id, owner, state from tweets")),
        sorted(rows(store, "select tweet_id, metric, state from gaps")),
        sorted(rows(store, "select tweet_id, endpoint, metrics from coverage")),
    )


def check_account(stage, summary, words):
    found = {state: summary[state] for state in STATES}
    claim(
        summary["asked"] == len(stage.ids) == sum(found.values()),
        f"{words}: asked {summary['asked']} = {' + '.join(f'{state} {n}' for state, n in found.items() if n)}",
    )


def check_truth(stage, store):
    """Every value is the emulator's, and every one that the emulator has is there."""
    known = {(str(tweet_id), metric): value for tweet_id, metric, value in rows(store, "select tweet_id, metric, value from totals")}
    total = rows(store, "select count(*) from totals")[0][0]
    claim(total == len(known), f"{total} rows, none twice")
    wrong = []
    for (tweet_id, metric), value in known.items():
        truth = stage.emulator.ask("/_emulator/truth", tweet_id=tweet_id, metric=metric)["value"]
        if truth != value:
            wrong.append((tweet_id, metric, value, truth))
    claim(not wrong, f"every value is true {wrong[:3] if wrong else ''}")
    states = dict(rows(store, "select tweet_id, state from tweets"))
    claim(set(map(str, states)) == set(stage.ids), "every Tweet has a state, and no other has")
    without = {(str(tweet_id), metric) for tweet_id, metric in rows(store, "select tweet_id, metric from gaps")}
    claim(not without & set(known), "nothing has a value and none")


def check_requests(stage, store, sent):
    written = rows(store, "select count(*) from requests")[0][0]
    claim(written >= sent, f"{written} requests are in the ledger, {sent} came")
    waiting = rows(store, "select count(*) from batches where state <> 'done'")[0][0]
    claim(waiting == 0, "every batch is done")


def under_kills(stage, folder, kills, whole, reference):
    """Killed at random moments and resumed until it is done; and once more from the beginning while kills are left."""
    planned, turn = stage.plan()["requests"], 0
    while kills > 0:
        turn += 1
        store, before, killed = folder / f"killed-{turn}.db", stage.emulator.requests(), 0
        # Slowly, so that there are as many moments in the run as kills.
        stage.emulator.tell("/_emulator/faults", [{"endpoint": "totals", "every": 1, "delay_ms": 40}])
        while kills > 0:
            process = stage.begin(store)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(random.uniform(0, whole + 0.15))
            if process.poll() is not None:
                break
            process.kill()
            process.wait()
            killed, kills = killed + 1, kills - 1
        stage.emulator.tell("/_emulator/faults", [])
        code, summary = stage.collect(store)
        claim(code in (0, 3), f"done after {killed} kills (exit {code}) {stage.said() if code not in (0, 3) else ''}")
        sent = stage.emulator.requests() - before
        most = planned + killed * stage.concurrency
        # The emulator counts what it answers; the ledger has whatever may have left.
        left = rows(store, "select count(*) from requests")[0][0]
        claim(
            sent <= left <= most,
            f"{planned} requests planned, {left} left, {sent} came: no more than {stage.concurrency} a kill are asked again",
        )
        check_account(stage, summary, "killed")
        claim(facts(store) == reference, "equal to what was never interrupted")
        check_requests(stage, store, sent)


def under_signals(stage, folder, reference):
    store = folder / "stopped.db"
    stage.emulator.tell("/_emulator/faults", [{"endpoint": "totals", "every": 1, "delay_ms": 500}])
    for number, wanted in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        process = stage.begin(store)
        while "batches are done" not in stage.said() and "job 1:" not in stage.said():
            time.sleep(0.01)
        time.sleep(random.uniform(0, 1))
        process.send_signal(number)
        begun = time.monotonic()
        code = process.wait(30)
        took = time.monotonic() - begun
        claim(code == wanted and took < 2, f"{signal.Signals(number).name}: exit {code} after {took:.1f} s")
    inflight = rows(store, "select count(*) from batches where state = 'in_flight'")[0][0]
    claim(inflight == 0, "what was in flight has been let go")
    stage.emulator.tell("/_emulator/faults", [])
    code, summary = stage.collect(store)
    claim(code in (0, 3) and facts(store) == reference, "and goes on to the same end")
    check_account(stage, summary, "stopped")


def under_faults(stage, folder, reference):
    store = folder / "faults.db"
    faults = [
        {"endpoint": "totals", "every": 5, "status": 503},
        {"endpoint": "totals", "every": 7, "reset_after_bytes": 100},
        {"endpoint": "totals", "every": 11, "truncate_gzip": True},
        {"endpoint": "totals", "every": 13, "body": "<html>", "status": 200},
    ]
    stage.emulator.tell("/_emulator/faults", faults)
    code, summary = stage.collect(store)
    stage.emulator.tell("/_emulator/faults", [])
    check_account(stage, summary, "with every fifth answer a 503 and others cut")
    if code not in (0, 3) or summary["failed"] + summary["unaccounted"]:
        code, summary = stage.collect(store)
    claim(code == 0, f"goes on to its end (exit {code})")
    claim(facts(store)[0] == reference[0], "and has every value")


def under_a_full_disk(stage, folder, reference):
    """No file may grow beyond a size: the store runs full at one moment or another."""
    store = folder / "full.db"

    def limit(size):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    full = []
    for size in (8_192, 65_536, 200_000, 400_000, 800_000):
        code, _ = stage.collect(store, preexec_fn=lambda: limit(size))
        full.append(code)
        if code in (0, 3):
            break
    claim(all(code in (8, 0, 3) for code in full) and 8 in full, f"a disk that is full: exits {full}")
    code, summary = stage.collect(store)
    claim(code in (0, 3) and facts(store) == reference, "and with room again it goes on to the same end")
    check_account(stage, summary, "after a full disk")


def under_failing_calls(stage, folder, reference, most):
    """One call of the system fails: of every kind that the store needs, at moments all over the run."""
    for call, error in (("pwrite64", "ENOSPC"), ("pwrite64", "EIO"), ("fdatasync", "EIO"), ("fsync", "EIO")):
        traced, store = folder / "calls.txt", folder / "counted.db"
        trace = ["strace", "-f", "-qq", "-o", traced, "-e", f"trace={call}"]
        stage.collect(store, before=trace)
        for leftover in folder.glob("counted.db*"):
            leftover.unlink()
        count = len(traced.read_text().splitlines())
        ends = []
        for number in sorted({1 + turn * count // most for turn in range(most)}):
            store = folder / f"failing-{call}-{error}-{number}.db"
            inject = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={call}:error={error}:when={number}"]
            code, _ = stage.collect(store, before=inject)
            if code not in (0, 3, 8):
                claim(False, f"{call} number {number} fails with {error}: exit {code} {stage.said()}")
            ends.append(code)
            code, _ = stage.collect(store)
            if code not in (0, 3) or facts(store) != reference:
                claim(False, f"{call} number {number} failed with {error}, and then: exit {code} {stage.said()}")
            for leftover in folder.glob(f"{store.name}*"):
                leftover.unlink()
        if count:
            claim(8 in ends, f"{len(ends)} of {count} {call} fail with {error}: {ends.count(8)} end with 8, all go on")


def two_at_once(stage, folder):
    store = folder / "two.db"
    stage.emulator.tell("/_emulator/faults", [{"endpoint": "totals", "every": 1, "delay_ms": 2000}])
    first = stage.begin(store)
    while not store.exists() or "job 1" not in stage.said():
        time.sleep(0.02)
    code, _ = stage.collect(store)
    words = stage.said()
    first.kill()
    first.wait()
    stage.emulator.tell("/_emulator/faults", [])
    claim(code == 8 and str(first.pid) in words, f"a second collector is refused, and the first is named: {words.strip()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engagement")
    parser.add_argument("--tweets", type=int, default=6_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--calls", type=int, default=0)
    parser.add_argument("--concurrency", type=int, default=4)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    if options.calls and not shutil.which("strace"):
        sys.exit("--calls needs strace, which is not installed")
    print(f"seed {options.seed}")
    random.seed(options.seed)
    binary = str(pathlib.Path(options.engagement).resolve())
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        emulator = Emulator(binary, folder)
        try:
            stage = Stage(binary, folder, emulator, options.tweets, options.concurrency)
            plan = stage.plan()
            claim(plan["requests"] == plan["lower_bound"], f"{plan['requests']} requests are planned, and fewer cannot do")
            store, begun = folder / "whole.db", time.monotonic()
            before = emulator.requests()
            code, summary = stage.collect(store)
            whole = time.monotonic() - begun
            claim(code in (0, 3), f"{len(stage.ids)} Tweets in {whole:.1f} s (exit {code}) {stage.said() if code else ''}")
            sent = emulator.requests() - before
            claim(sent == plan["requests"] == summary["requests"], f"{sent} requests, as planned")
            check_account(stage, summary, "whole")
            check_requests(stage, store, sent)
            check_truth(stage, store)
            reference = facts(store)
            under_kills(stage, folder, options.kills, whole, reference)
            under_signals(stage, folder, reference)
            under_faults(stage, folder, reference)
            under_a_full_disk(stage, folder, reference)
            two_at_once(stage, folder)
            if options.calls:
                under_failing_calls(stage, folder, reference, options.calls)
        finally:
            emulator.stop()
    print("all holds")


if __name__ == "__main__":
    main()
