"""Reads exports with the tools that people have, and compares them row by row with the same store as csv.

usage: check.py ENGAGEMENT [spark] [clickhouse]

The store comes from the emulator, through `engagement collect`. What it runs in DuckDB, Polars and pandas stands in docs/export.md, which people copy from. S3 is moto's. Spark and
ClickHouse are tried if they are named. The last line counts the checks, in the form of Rust's test harness.
"""

import csv
import json
import logging
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request
from collections import Counter
from pathlib import Path

import duckdb

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "export.md"
PROGRAM = Path(sys.argv[1]).resolve()
ALSO = set(sys.argv[2:])


def engagement(*words, code=0, env=None):
    done = subprocess.run(
        [PROGRAM, *words], capture_output=True, text=True, env={**os.environ, **(env or {})}, check=False
    )
    assert done.returncode == code, (words, done.returncode, done.stderr)
    return done


def collect():
    """Totals of two observations, hours of three days, and Tweets without either."""
    emulator = subprocess.Popen(
        [PROGRAM, "emulator", "--ready-file", "ready", "--quota", "6000/min", "--now", "2026-11-25T10:34:56Z"],
        stdout=subprocess.DEVNULL,
    )
    try:
        while not Path("ready").exists() or not Path("ready").read_text().endswith("\n"):
            assert emulator.poll() is None, "the emulator does not start"
            time.sleep(0.01)
        url = Path("ready").read_text().strip()
        ids = []
        for query in ("class=owned&screen_name=demo_brand&count=80", "class=unavailable&count=20"):
            with urllib.request.urlopen(f"{url}/_emulator/tweets?{query}") as answer:
                ids += json.load(answer)["tweet_ids"]
        Path("ids").write_text("\n".join(ids))
        env = {
            "ENGAGEMENT_BASE_URL": url,
            "ENGAGEMENT_CONSUMER_KEY": "demo-consumer-key",
            "ENGAGEMENT_CONSUMER_SECRET": "demo-consumer-secret",
            "ENGAGEMENT_ACCESS_TOKEN": "1111-demo-access-token",
            "ENGAGEMENT_ACCESS_TOKEN_SECRET": "demo-token-secret",
        }
        words = ["collect", "--ids", "ids", "--store", "engagement.db", "--endpoint"]
        range_ = ["--start", "2026-11-22", "--end", "2026-11-25", "--metrics", "impressions,engagements"]
        engagement(*words, "totals", env=env)
        engagement(*words, "totals", "--again", env=env)
        engagement(*words, "historical", *range_, env=env)
    finally:
        emulator.kill()
        emulator.wait()


def export(out, *words, **options):
    return engagement(
        "export", "--store", "engagement.db", "--format", "parquet", "--out", out, *words, **options
    )


def rows_of_csv(table):
    text = engagement("export", "--store", "engagement.db", "--format", "csv", "--table", table).stdout
    return list(csv.DictReader(text.splitlines(keepends=True)))


def snippet(name):
    found = re.search(rf"<!-- check: {re.escape(name)} -->\n```\w+\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert found, f"docs/export.md has no snippet {name}"
    return found[1]


def run_python(name):
    names = {}
    exec(compile(snippet(name), f"docs/export.md: {name}", "exec"), names)
    return names


def text(value):
    return "" if value is None else str(value)


def expected_daily():
    """Impressions by Tweet and day, added up from the csv."""
    sums = Counter()
    for row in SERIES:
        if row["metric"] == "impressions" and row["state"] == "ok":
            sums[row["tweet_id"], row["bucket_start"][:10]] += int(row["value"])
    assert len(sums) > 10
    return sorted((tweet_id, day, value) for (tweet_id, day), value in sums.items())


def daily(rows):
    return [(str(tweet_id), str(day), int(value)) for tweet_id, day, value in rows]


def all_rows(lake, table):
    """Every row as DuckDB reads it, in the form of the csv."""
    times = {"bucket_start", "bucket_end", "observed_at", "created_at", "checked_at"}
    columns = TWEET_COLUMNS if table == "tweets" else COLUMNS
    shown = [
        f"strftime({name} at time zone 'UTC', '%Y-%m-%dT%H:%M:%SZ')" if name in times else name for name in columns
    ]
    shown[0] = "tweet_id_text, tweet_id"
    rows = duckdb.sql(f"select {', '.join(shown)} from read_parquet('{lake}/{table}/**/*.parquet')").fetchall()
    assert all(row[0] == str(row[1]) for row in rows)
    return [tuple(map(text, row[1:])) for row in rows]


def same(lake):
    for table, wanted in (("series", SERIES), ("totals", TOTALS), ("tweets", TWEETS)):
        found = Counter(all_rows(lake, table))
        assert found == Counter(tuple(row.values()) for row in wanted), f"{table} of {lake} differs from the csv"


def commits(lake):
    return sorted(path.name for path in Path(lake, "_engagement/commits").glob("*"))


def what_a_record_lists_is_there(lake):
    record = json.loads(Path(lake, "_engagement/commits", commits(lake)[-1]).read_text())
    for contents in record["tables"].values():
        for file in contents["files"]:
            assert Path(lake, file["path"]).stat().st_size == file["bytes"], file
            count = duckdb.sql(f"select count(*) from read_parquet('{lake}/{file['path']}')").fetchall()
            assert count == [(file["rows"],)], file


def every_row_is_in_the_data_set():
    assert Counter(row["state"] for row in TOTALS + SERIES).keys() > {"ok", "unavailable"}
    same("lake")
    what_a_record_lists_is_there("lake")


def rows_are_sorted_within_each_file():
    for path in Path("lake/series").glob("**/*.parquet"):
        found = duckdb.sql(f"select tweet_id, bucket_start, metric from read_parquet('{path}')").fetchall()
        assert found == sorted(found, key=lambda row: (row[0], str(row[1] or ""), row[2])), path


def types_are_what_is_documented():
    types = dict(
        duckdb.sql("select column_name, column_type from (describe from 'lake/series/**/*.parquet')").fetchall()
    )
    wanted = {"tweet_id": "UBIGINT", "tweet_id_text": "VARCHAR", "value": "BIGINT", "dt": "DATE"}
    wanted |= dict.fromkeys(["bucket_start", "bucket_end", "observed_at"], "TIMESTAMP WITH TIME ZONE")
    assert types == {**types, **wanted}, types


def duckdb_reads_it():
    assert daily(duckdb.sql(snippet("duckdb")).fetchall()) == expected_daily()


def polars_reads_it():
    assert daily(run_python("polars")["daily"].rows()) == expected_daily()


def pandas_reads_it():
    assert daily(run_python("pandas")["daily"].itertuples(index=False)) == expected_daily()


def clickhouse_reads_it():
    import chdb

    rows = json.loads(str(chdb.query(snippet("clickhouse"), "JSONCompact")))["data"]
    assert daily(rows) == expected_daily()


def spark_reads_it():
    assert daily(run_python("spark")["daily"].collect()) == expected_daily()


def a_second_export_adds_a_commit_and_no_row():
    shutil.copytree("lake", "twice")
    export("twice")
    assert commits("twice") == ["00000001.json", "00000002.json"]
    same("twice")


def a_killed_export_leaves_nothing_that_seems_complete():
    begun = time.monotonic()
    export("whole")
    whole = time.monotonic() - begun
    chance = random.Random(8)
    for turn in range(10):
        place = f"killed-{turn}"
        process = subprocess.Popen(
            [PROGRAM, "export", "--store", "engagement.db", "--format", "parquet", "--out", place],
            stderr=subprocess.DEVNULL,
        )
        time.sleep(chance.random() * whole)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if Path(place, "_engagement/commits/00000001.json").exists():
            same(place)
        export(place)
        same(place)


def a_foreign_folder_is_refused():
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("mine")
    assert "is not empty" in export("mine", code=8).stderr
    assert os.listdir("mine") == ["notes.txt"]


def s3_holds_the_same():
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        env = {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
        }
        client = boto3.client(
            "s3",
            endpoint_url=env["AWS_ENDPOINT_URL"],
            aws_access_key_id="key",
            aws_secret_access_key="secret",
            region_name="us-east-1",
        )
        client.create_bucket(Bucket="bucket")
        client.put_object(Bucket="bucket", Key="mine/notes.txt", Body=b"mine")
        assert "is not empty" in export("s3://bucket/mine", code=8, env=env).stderr
        for turn in (1, 2):
            export("s3://bucket/some/lake", env=env)
            for entry in client.list_objects_v2(Bucket="bucket", Prefix="some/lake/")["Contents"]:
                path = Path("fetched", entry["Key"].removeprefix("some/lake/"))
                path.parent.mkdir(parents=True, exist_ok=True)
                client.download_file("bucket", entry["Key"], str(path))
            assert len(commits("fetched")) == turn
            same("fetched")
            what_a_record_lists_is_there("fetched")
        export("s3://no-such-bucket/lake", code=8, env=env)
    finally:
        server.stop()


CHECKS = [
    every_row_is_in_the_data_set,
    rows_are_sorted_within_each_file,
    types_are_what_is_documented,
    duckdb_reads_it,
    polars_reads_it,
    pandas_reads_it,
    a_second_export_adds_a_commit_and_no_row,
    a_killed_export_leaves_nothing_that_seems_complete,
    a_foreign_folder_is_refused,
    s3_holds_the_same,
]
if "clickhouse" in ALSO:
    CHECKS.append(clickhouse_reads_it)
if "spark" in ALSO:
    CHECKS.append(spark_reads_it)

with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    collect()
    SERIES, TOTALS, TWEETS = map(rows_of_csv, ("series", "totals", "tweets"))
    COLUMNS, TWEET_COLUMNS = list(SERIES[0]), list(TWEETS[0])
    export("lake")
    failed = 0
    for check in CHECKS:
        begun = time.monotonic()
        try:
            check()
            outcome = "ok"
        except Exception:
            traceback.print_exc()
            failed += 1
            outcome = "FAILED"
        print(f"test {check.__name__} ... {outcome} ({time.monotonic() - begun:.1f} s)", flush=True)
    os.chdir("/")

print(f"test result: {'FAILED' if failed else 'ok'}. {len(CHECKS) - failed} passed; {failed} failed; 0 ignored")
sys.exit(bool(failed))
