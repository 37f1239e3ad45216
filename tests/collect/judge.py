#!/usr/bin/env python3
"""Judges `engagement collect` from outside: runs it under kills and faults, and holds what is in the store against the
emulator's own truth.

    judge.py ENGAGEMENT [--tweets N] [--kills N] [--calls N|every] [--seed N] [--concurrency N]

ENGAGEMENT is the binary. It knows the command line, the tables of the store and of exports, and the emulator's test
interface, and no code of the project. Beside the standard library it needs DuckDB, which reads what is exported. Each
claim that holds is a line; the first that does not ends it with 1. With --calls, calls by which the process touches its
store fail one at a time, or kill it: so many evenly spread ones of each kind, or every one, which takes a C compiler.
"""

import argparse
import collections
import contextlib
import errno
import http.client
import itertools
import json
import os
import pathlib
import random
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.parse

import duckdb

STATES = ["ok", "unavailable", "unsupported", "forbidden", "failed", "unaccounted"]
PUBLIC = {"favorites", "retweets", "replies", "quote_tweets", "video_views"}
TOTALS = PUBLIC | {"impressions", "engagements"}
SERIES = ["impressions", "engagements", "favorites", "url_clicks"]
HOUR = 3_600_000


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
        self.place = urllib.parse.urlsplit(self.url).netloc
        self.hour = int(time.time()) // 3600
        self.stop_clock()

    def stop_clock(self):
        """Stops it at this moment, and never in another hour: counts change from hour to hour only."""
        now = min(int(time.time()), self.hour * 3600 + 3599)
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
        self.tell("/_emulator/clock", {"now": now, "frozen": True})

    def ask(self, path, **query):
        return self.call("GET", f"{path}?{urllib.parse.urlencode(query)}")

    def tell(self, path, body):
        return self.call("POST", path, json.dumps(body), {"Content-Type": "application/json"})

    def call(self, *request):
        with contextlib.closing(http.client.HTTPConnection(self.place)) as connection:
            connection.request(*request)
            answer = connection.getresponse()
            body = answer.read()
        if answer.status >= 300:
            sys.exit(f"{request[1]}: {answer.status} {body.decode(errors='replace')}")
        return json.loads(body) if body else None

    def truths(self, questions):
        """The values that it would answer, in the order of the questions: many are asked before the first is read."""
        host, port = self.place.split(":")
        with socket.create_connection((host, int(port))) as connection, connection.makefile("rb") as answers:
            questions = iter(questions)
            while asked := list(itertools.islice(questions, 64)):
                heads = (f"GET /_emulator/truth?{urllib.parse.urlencode(one)} HTTP/1.1\r\nHost: {host}\r\n\r\n" for one in asked)
                connection.sendall("".join(heads).encode())
                for question in asked:
                    status, length = answers.readline(), 0
                    while (line := answers.readline().strip()):
                        name, value = line.split(b":", 1)
                        if name.lower() == b"content-length":
                            length = int(value)
                    body = answers.read(length)
                    if b" 200 " not in status:
                        sys.exit(f"{question}: {status.decode()}{body.decode()}")
                    yield json.loads(body)["value"]

    def requests(self):
        return self.ask("/_emulator/requests")["total"]

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Stage:
    """A question about a list, who owns what in it, and credentials, in a folder of their own."""

    def __init__(self, binary, folder, emulator, question, tweets, concurrency):
        folder.mkdir()
        self.binary, self.folder, self.emulator, self.concurrency = binary, folder, emulator, concurrency
        self.question, self.endpoint = question, question[question.index("--endpoint") + 1]
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
        # Those of strangers, whose hours nobody here may read.
        others = share if self.endpoint == "totals" else 5
        self.ids += emulator.ask("/_emulator/tweets", **{"class": "unowned"}, count=others)["tweet_ids"]
        gone = emulator.ask("/_emulator/tweets", **{"class": "unavailable"}, count=max(share // 50, 3))["tweet_ids"]
        self.ids += gone
        owners += [f"{tweet_id},{accounts[0]['screen_name']}" for tweet_id in gone]
        random.shuffle(self.ids)
        (folder / "ids.txt").write_text("\n".join(self.ids) + "\n")
        (folder / "owners.csv").write_text("\n".join(["tweet_id,handle", *owners]) + "\n")

    def options(self):
        return ["--config", self.folder / "engagement.toml", "--base-url", self.emulator.url]

    def command(self, *more):
        return [
            self.binary, "collect", *self.options(), *self.question,
            "--ids", self.folder / "ids.txt", "--owners", self.folder / "owners.csv",
            "--concurrency", str(self.concurrency), *more,
        ]  # fmt: skip

    def begin(self, store, *more, variables=None, **options):
        self.emulator.stop_clock()
        command = self.command("--store", store, *more)
        with open(self.folder / "stderr.txt", "w") as stderr:
            return subprocess.Popen(command, stderr=stderr, env=environment() | (variables or {}), **options)

    def collect(self, store, *more, **options):
        """Runs it to its end: exit code and summary."""
        summary = self.folder / "summary.json"
        summary.unlink(missing_ok=True)
        code = self.begin(store, "--summary", summary, *more, **options).wait(timeout=900)
        return code, json.loads(summary.read_text()) if summary.exists() else None

    def slow_down(self, milliseconds):
        self.emulator.tell("/_emulator/faults", [{"endpoint": self.endpoint, "every": 1, "delay_ms": milliseconds}])

    def said(self):
        return (self.folder / "stderr.txt").read_text()

    def plan(self, *more):
        plan = self.command("--dry-run", "-o", "json", *more)
        return json.loads(subprocess.run(plan, stdout=subprocess.PIPE, check=True, env=environment()).stdout)


def environment():
    return {name: value for name, value in os.environ.items() if not name.startswith("ENGAGEMENT_")}


def remove(store):
    for file in store.parent.glob(f"{store.name}*"):
        file.unlink()


def rows(store, sql):
    with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


def facts(store):
    """Everything in it that does not depend on the time."""
    return (
        sorted(rows(store, "select tweet_id, metric, value from totals")),
        sorted(rows(store, "select tweet_id, metric, bucket_start, value, endpoint from series")),
        sorted(rows(store, "select tweet_id, owner, state from tweets"), key=str),
        sorted(rows(store, "select tweet_id, metric, endpoint, window_start, window_end, state from gaps"), key=str),
        sorted(rows(store, "select tweet_id, endpoint, window_start, window_end, metrics from coverage"), key=str),
        rows(store, "select count(*) from revisions"),
    )


def check_account(stage, summary, words):
    found = {state: summary[state] for state in STATES}
    claim(
        summary["asked"] == len(stage.ids) == sum(found.values()),
        f"{words}: asked {summary['asked']} = {' + '.join(f'{state} {n}' for state, n in found.items() if n)}",
    )


def check_truth(stage, store):
    """Every value is the emulator's, and every one that the emulator has is there."""
    totals = rows(store, "select tweet_id, metric, value from totals")
    hours = rows(store, "select tweet_id, metric, bucket_start, value from series")
    known = {(str(tweet_id), metric) for tweet_id, metric, *_ in totals + hours}
    claim(
        len({row[:2] for row in totals}) == len(totals) and len({row[:3] for row in hours}) == len(hours),
        f"{len(totals)} totals and {len(hours)} hours, none twice",
    )
    questions = [dict(tweet_id=tweet_id, metric=metric) for tweet_id, metric, _ in totals]
    questions += [
        dict(tweet_id=tweet_id, metric=metric, start=instant(start), end=instant(start + HOUR))
        for tweet_id, metric, start, _ in hours
    ]
    found = [row[-1] for row in totals + hours]
    wrong = [
        (question, value, truth)
        for question, value, truth in zip(questions, found, stage.emulator.truths(questions))
        if truth != value
    ]
    claim(found and not wrong, f"every value is true {wrong[:3] if wrong else ''}")
    check_whole_hours(stage, store, hours)
    states = dict(rows(store, "select tweet_id, state from tweets"))
    claim(set(map(str, states)) == set(stage.ids), "every Tweet has a state, and no other has")
    without = {(str(tweet_id), metric) for tweet_id, metric in rows(store, "select tweet_id, metric from gaps")}
    if stage.endpoint == "totals":
        claim(not without & known, "nothing has a value and none")


def check_whole_hours(stage, store, hours):
    """No hour is missing: those of a Tweet and metric follow each other up to the end of the window, and together they
    are what the emulator says of the window as a whole."""
    if not hours:
        return
    begin, end = min(row[2] for row in hours), max(row[2] for row in hours) + HOUR
    by_metric = collections.defaultdict(list)
    for tweet_id, metric, start, value in hours:
        by_metric[tweet_id, metric].append((start, value))
    holes = [key for key, its in by_metric.items() if len(its) * HOUR != end - min(its)[0]]
    claim(not holes, f"no hole in {len(by_metric)} series of up to {(end - begin) // HOUR} hours {holes[:3] if holes else ''}")
    questions = [dict(tweet_id=t, metric=m, start=instant(begin), end=instant(end)) for t, m in by_metric]
    sums = [sum(value for _, value in its) for its in by_metric.values()]
    claim(sums == list(stage.emulator.truths(questions)), "and each is the whole of its window")
    ok = {tweet_id for (tweet_id,) in rows(store, "select tweet_id from tweets where state = 'ok'")}
    metrics = {metric for _, metric in by_metric}
    claim(
        {(tweet_id, metric) for tweet_id in ok for metric in metrics} == set(by_metric),
        f"every Tweet that is ok has all {len(metrics)} metrics",
    )


def instant(milliseconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(milliseconds / 1000))


def check_exports(stage, store, summary):
    """What DuckDB reads in the exports is what is in the store."""
    folder, table = stage.folder / "exports", "totals" if stage.endpoint == "totals" else "series"
    folder.mkdir()
    export = [stage.binary, "export", "--config", stage.folder / "engagement.toml", "--store", store]
    for more in (["--format", "parquet", "--out", folder / "lake"], ["--format", "csv", "--out", folder / "rows.csv"]):
        subprocess.run([*export, *more], check=True, stderr=subprocess.DEVNULL, env=environment())
    lake = f"read_parquet('{folder}/lake/{table}/**/*.parquet', hive_partitioning = true)"
    text = f"read_csv('{folder}/rows.csv', types = {{'tweet_id': 'bigint', 'bucket_start': 'timestamptz', 'value': 'bigint'}})"
    columns = "tweet_id, metric, epoch_ms(bucket_start) as start, value"
    stored = f"select tweet_id, metric, {'null' if table == 'totals' else 'bucket_start'}, value from {table}"
    stored = sorted(rows(store, stored), key=str)
    for name, source in (("Parquet", lake), ("CSV", text)):
        read = duckdb.sql(f"select {columns} from {source} where state = 'ok'").fetchall()
        claim(sorted(read, key=str) == stored, f"DuckDB reads {len(read)} values in {name}, those of the store")
    states = duckdb.sql(f"select state, count(*) from '{folder}/lake/tweets/*.parquet' group by state").fetchall()
    states = dict(states)
    claim(
        states == {state: summary[state] for state in STATES if summary[state]},
        f"and {sum(states.values())} Tweets in the states that were told",
    )


def check_requests(store, sent):
    written = rows(store, "select count(*) from requests")[0][0]
    claim(written >= sent, f"{written} requests are in the ledger, {sent} came")
    waiting = rows(store, "select count(*) from batches where state <> 'done'")[0][0]
    claim(waiting == 0, "every batch is done")


def under_kills(stage, kills, whole, reference):
    """Killed at random moments and resumed until it is done; and once more from the beginning while kills are left."""
    planned, turn = stage.plan()["requests"], 0
    while kills > 0:
        turn += 1
        store, before, killed = stage.folder / f"killed-{turn}.db", stage.emulator.requests(), 0
        # Slowly, so that there are as many moments in the run as kills.
        stage.slow_down(40)
        while kills > 0:
            process = stage.begin(store)
            wait_for_a_moment(stage, process, whole / 4, planned // 5)
            if process.poll() is not None:
                break
            process.kill()
            process.wait()
            killed, kills = killed + 1, kills - 1
        stage.emulator.tell("/_emulator/faults", [])
        code, summary = stage.collect(store)
        claim(code in (0, 3), f"done after {killed} kills (exit {code}) {stage.said() if code not in (0, 3) else ''}")
        sent = stage.emulator.requests() - before
        # The emulator counts what it answers; the ledger has whatever may have left. A busy machine can break an attempt.
        states = dict(rows(store, "select state, count(*) from requests group by state"))
        answered, lost, broken = (states.get(state, 0) for state in ("answered", "lost", "broken"))
        claim(
            answered == planned and lost <= killed * stage.concurrency and sent <= answered + lost + broken,
            f"{planned} requests planned, {answered} answered, {lost} lost, {broken} broken, {sent} came: no more than "
            f"{stage.concurrency} a kill are asked again",
        )
        check_account(stage, summary, "killed")
        claim(facts(store) == reference, "equal to what was never interrupted")
        check_requests(store, sent)
        remove(store)


def again_under_kills(stage, kills, whole, reference):
    """A second observation, killed at random moments: the same command goes on with it, and begins no third."""
    store = stage.folder / "again.db"
    stage.collect(store)
    planned, killed = stage.plan("--again", "--store", store)["requests"], 0
    stage.slow_down(40)
    while killed < kills and not is_observed_again(store):
        process = stage.begin(store, "--again")
        wait_for_a_moment(stage, process, whole / 4, planned // 5)
        process.kill()
        process.wait()
        killed += 1
    stage.emulator.tell("/_emulator/faults", [])
    if not is_observed_again(store):
        code, summary = stage.collect(store, "--again")
        claim(code in (0, 3), f"observed again after {killed} kills (exit {code})")
        check_account(stage, summary, "observed again")
    answered = rows(store, "select count(*) from requests where job = 2 and state = 'answered'")[0][0]
    jobs = rows(store, "select count(*) from jobs")[0][0]
    claim((answered, jobs) == (planned, 2), f"{planned} requests planned with --again, {answered} answered, {jobs} jobs")
    values = collections.Counter(row[:2] for row in rows(store, "select tweet_id, metric from totals"))
    claim(
        set(values) == {row[:2] for row in reference[0]} and set(values.values()) == {2},
        f"{len(values)} totals, each observed twice",
    )
    claim(facts(store)[2] == reference[2], "and every Tweet stands where it stood")


def is_observed_again(store):
    states = rows(store, "select state from batches where job = 2")
    return bool(states) and all(state == "done" for (state,) in states)


def wait_for_a_moment(stage, process, start, requests):
    """A random one: sometimes before anything is asked, while the list is read and the plan is made, and else after so
    many more requests, or fewer."""
    wait = random.uniform(0, start)
    if random.random() < 0.75:
        until, wait = stage.emulator.requests() + random.randint(0, requests), random.uniform(0, 0.05)
        while process.poll() is None and stage.emulator.requests() < until:
            time.sleep(0.01)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(wait)


def under_signals(stage, reference):
    store = stage.folder / "stopped.db"
    stage.slow_down(3000)
    for number, wanted in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        process = stage.begin(store)
        while process.poll() is None and "batches are done" not in stage.said() and "job 1:" not in stage.said():
            time.sleep(0.01)
        time.sleep(random.uniform(0, 1))
        process.send_signal(number)
        begun = time.monotonic()
        code = process.wait(30)
        # Before it listens for signals they end it all the same, and shells tell the same number.
        code = 128 - code if code < 0 else code
        took = time.monotonic() - begun
        claim(code == wanted and took < 2, f"{signal.Signals(number).name}: exit {code} after {took:.1f} s")
    inflight = rows(store, "select count(*) from batches where state = 'in_flight'")[0][0]
    claim(inflight == 0, "what was in flight has been let go")
    stage.emulator.tell("/_emulator/faults", [])
    code, summary = stage.collect(store)
    claim(code in (0, 3) and facts(store) == reference, "and goes on to the same end")
    check_account(stage, summary, "stopped")


def under_faults(stage, reference):
    store = stage.folder / "faults.db"
    faults = [
        {"every": 5, "status": 503},
        {"every": 7, "reset_after_bytes": 100},
        {"every": 11, "truncate_gzip": True},
        {"every": 13, "body": "<html>", "status": 200},
    ]
    faults = [{"endpoint": stage.endpoint, **fault} for fault in faults]
    stage.emulator.tell("/_emulator/faults", faults)
    code, summary = stage.collect(store)
    stage.emulator.tell("/_emulator/faults", [])
    check_account(stage, summary, "with every fifth answer a 503 and others cut")
    if code not in (0, 3) or summary["failed"] + summary["unaccounted"]:
        code, summary = stage.collect(store)
    claim(code in (0, 3), f"goes on to its end (exit {code})")
    claim(facts(store)[:2] == reference[:2], "and has every value")


def under_a_full_disk(stage, reference):
    """No file may grow beyond a size: the store runs full at one moment or another."""
    store = stage.folder / "full.db"

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


class FailingCalls:
    """Has one of the calls that touch a store fail, or kill the process; counted over all its threads."""

    def __init__(self, folder):
        self.shim, self.mark = folder / "failing_call.so", folder / "mark.txt"
        source = pathlib.Path(__file__).with_name("failing_call.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", self.shim, source, "-ldl"], check=True)

    def variables(self, store, calls, how, number=None):
        self.mark.unlink(missing_ok=True)
        variables = {
            "LD_PRELOAD": str(self.shim),
            "FAILING_STORE": str(store),
            "FAILING_CALLS": calls,
            "FAILING_HOW": str(how),
            "FAILING_MARK": str(self.mark),
        }
        return variables | ({} if number is None else {"FAILING_NUMBER": str(number)})

    def which(self):
        """Which call it was; none if there were not so many."""
        return self.mark.read_text().strip() if self.mark.exists() else None


def under_failing_calls(stage, folder, reference, most):
    """Each call by which a collection touches its store fails, or is its last: it ends with 8, and goes on."""
    failing = FailingCalls(folder)
    kinds = (
        ("ENOSPC", "w", errno.ENOSPC, 8),
        ("EIO", "wsr", errno.EIO, 8),
        ("SIGKILL", "ws", "kill", -signal.SIGKILL),
    )
    for name, calls, how, wanted in kinds:
        store = stage.folder / "counted.db"
        stage.collect(store, variables=failing.variables(store, calls, how))
        count = int(failing.which())
        remove(store)
        numbers = itertools.count(1) if most is None else sorted({1 + turn * count // most for turn in range(most)})
        tried = missed = 0
        for number in numbers:
            store = stage.folder / f"failing-{name}-{number}.db"
            code, _ = stage.collect(store, variables=failing.variables(store, calls, how, number))
            which = failing.which()
            if which is None:
                # Two runs do not share the same commits: some have a few calls more.
                missed += 1
                if missed == 3:
                    break
                continue
            tried, missed = tried + 1, 0
            where = f"call {number} of about {count}, {pathlib.Path(which).name} by {which.split()[0]}, {name}"
            if code != wanted:
                claim(False, f"{where}: exit {code} {stage.said()}")
            code, summary = stage.collect(store)
            if code not in (0, 3) or facts(store) != reference or sum(summary[state] for state in STATES) != len(stage.ids):
                claim(False, f"{where}, and then: exit {code} {stage.said()}")
            remove(store)
        claim(tried, f"{name} at {tried} of {count} calls: all end with {wanted}, go on, and leave the same store")


def two_at_once(stage):
    store = stage.folder / "two.db"
    stage.slow_down(2000)
    first = stage.begin(store)
    while first.poll() is None and (not store.exists() or "job 1" not in stage.said()):
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
    parser.add_argument("--calls", metavar="N|every", default="0")
    parser.add_argument("--concurrency", type=int, default=4)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    random.seed(options.seed)
    binary = str(pathlib.Path(options.engagement).resolve())
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder).resolve()
        emulator = Emulator(binary, folder)
        try:
            judge(binary, folder, emulator, options)
        finally:
            emulator.stop()
    print("all holds")


def judge(binary, folder, emulator, options):
    stage = Stage(binary, folder / "totals", emulator, ["--endpoint", "totals"], options.tweets, options.concurrency)
    whole, reference = undisturbed(stage)
    under_kills(stage, options.kills, whole, reference)
    again_under_kills(stage, max(options.kills // 4, 1), whole, reference)
    under_signals(stage, reference)
    under_faults(stage, reference)
    under_a_full_disk(stage, reference)
    two_at_once(stage)

    today = emulator.hour // 24 * 24 * HOUR
    range_of_time = ["--start", instant(today - 72 * HOUR), "--end", instant(today)]
    for endpoint, more in (("28hr", []), ("historical", range_of_time)):
        question = ["--endpoint", endpoint, "--metrics", ",".join(SERIES), *more]
        print(f"{endpoint}:")
        stage = Stage(binary, folder / endpoint, emulator, question, 400, options.concurrency)
        whole, reference = undisturbed(stage)
        under_kills(stage, max(options.kills // 4, 1), whole, reference)
        under_faults(stage, reference)

    if options.calls != "0":
        print("call by call:")
        stage = Stage(binary, folder / "calls", emulator, ["--endpoint", "totals"], 40, options.concurrency)
        _, reference = undisturbed(stage)
        under_failing_calls(stage, folder, reference, None if options.calls == "every" else int(options.calls))


def undisturbed(stage):
    """A run that nothing happens to: how long it takes, and what is in its store, held against the truth."""
    plan = stage.plan()
    claim(plan["requests"] == plan["lower_bound"], f"{plan['requests']} requests are planned, and fewer cannot do")
    store, begun, before = stage.folder / "whole.db", time.monotonic(), stage.emulator.requests()
    code, summary = stage.collect(store)
    whole = time.monotonic() - begun
    claim(code in (0, 3), f"{len(stage.ids)} Tweets in {whole:.1f} s (exit {code}) {stage.said() if code else ''}")
    sent = stage.emulator.requests() - before
    claim(sent == plan["requests"] == summary["requests"], f"{sent} requests, as planned")
    check_account(stage, summary, "undisturbed")
    check_requests(store, sent)
    check_truth(stage, store)
    check_exports(stage, store, summary)
    return whole, facts(store)


if __name__ == "__main__":
    main()
