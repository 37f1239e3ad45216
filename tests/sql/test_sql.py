"""Does docs/sql.md say what is so? Its examples run, and its tables and views have the columns that it names.

Usage: STORE=engagement.db test_sql.py, with a store that the example `sample` of engagement-store made.
"""

import os
import pathlib
import re
import shutil
import sqlite3
import sys
import tempfile
import unittest

STORE = pathlib.Path(os.environ["STORE"])
PAGE = (pathlib.Path(__file__).parents[2] / "docs/sql.md").read_text()


def blocks(language):
    found = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"the page has no {language}"
    return found


def documented():
    """Tables and views by name, with their columns in order."""
    lines = re.findall(r"^\| `(\w+)` \| (`.*?) \|", PAGE, re.MULTILINE)
    return {name: re.findall(r"`(\w+)`", columns) for name, columns in lines}


class Page(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        shutil.copy(STORE, pathlib.Path(self.folder.name) / "engagement.db")
        before = os.getcwd()
        os.chdir(self.folder.name)
        self.addCleanup(os.chdir, before)
        self.store = sqlite3.connect("engagement.db")
        self.addCleanup(self.store.close)

    def test_names_every_table_and_column(self):
        names = self.store.execute(
            "select name from sqlite_schema where type in ('table', 'view') and name not like 'sqlite_%'"
        )
        found = {}
        for (name,) in names.fetchall():
            found[name] = [column[1] for column in self.store.execute(f"pragma table_info({name})")]
        self.assertEqual(found, documented())

    def test_queries_give_something(self):
        for query in blocks("sql"):
            with self.subTest(query=query):
                rows = self.store.execute(query).fetchall()
                self.assertTrue(rows or query.startswith("create"), "no rows")

    def test_the_top_is_the_top(self):
        ranked = self.store.execute(blocks("sql")[0]).fetchall()
        best = self.store.execute(
            "select tweet_id, value from v_latest_totals where metric = 'impressions' order by value desc, tweet_id"
        )
        self.assertEqual([(row[1], row[3]) for row in ranked], best.fetchall())

    def test_every_library_reads_the_same(self):
        wanted = self.store.execute(
            "select strftime('%Y-%m-%d', bucket_start / 1000, 'unixepoch') as day, sum(value) from series"
            " where metric = 'impressions' group by day order by day"
        ).fetchall()
        self.assertEqual(len(wanted), 2)
        scripts = blocks("python")
        self.assertEqual(len(scripts), 3)
        for script in scripts:
            with self.subTest(script=script):
                scope = {}
                exec(script, scope)
                self.assertEqual([(day, int(value)) for day, value in scope["result"]], wanted)

    def test_ids_stay_whole(self):
        import duckdb
        import pandas
        import polars

        query = "select tweet_id from tweets order by tweet_id"
        wanted = [row[0] for row in self.store.execute(query)]
        self.assertGreater(min(wanted), 2**53)
        frame = pandas.read_sql_query(query, self.store)
        self.assertEqual(frame["tweet_id"].tolist(), wanted)
        self.assertEqual([row[0] for row in duckdb.sql("select tweet_id from frame").fetchall()], wanted)
        self.assertEqual(polars.read_database(query, self.store)["tweet_id"].to_list(), wanted)


class Tally(unittest.TextTestResult):
    passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1


def main():
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__])
    result = unittest.TextTestRunner(verbosity=2, resultclass=Tally).run(suite)
    print(f"{result.passed} passed, {len(result.failures) + len(result.errors)} failed", flush=True)
    sys.exit(not result.wasSuccessful())


if __name__ == "__main__":
    main()
