"""From an empty home directory to an owner's numbers and back, by the command, with the login's pages in a browser.

EMULATOR is the server with the world of world.toml, and ENGAGEMENT the program. The last line says how many tests passed
and failed.
"""

import json
import os
import pathlib
import stat
import subprocess
import sys
import tempfile
import unittest

from answer import answer
from app import Emulator
from browser import Browser
from counted import run

EMULATOR = Emulator(os.environ["EMULATOR"])
PROGRAM = os.environ["ENGAGEMENT"]
WORLD = EMULATOR.ask("world")
APP = WORLD["apps"][0]
ACCOUNTS = {account["screen_name"]: account for account in WORLD["accounts"]}
BRAND, NEWS, SPORT = "demo_brand", "demo_news", "demo_sport"


class Transcript(unittest.TestCase):
    def setUp(self):
        self.home = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.browser = self.enterContext(Browser())
        self.said = []

    def start(self, words):
        return subprocess.Popen(
            [PROGRAM, *words.split()],
            env={"HOME": str(self.home), "ENGAGEMENT_BASE_URL": EMULATOR.url},
            cwd=self.home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run_to_end(self, words, code=0, typed=""):
        """What it printed, line by line, and what it said."""
        process = self.start(words)
        out, said = process.communicate(typed, timeout=60)
        return self.ended(words, process, code, out, said)

    def ended(self, words, process, code, out, said):
        self.said += [out, said]
        self.assertEqual(process.returncode, code, f"{words}: {out}{said}")
        return [json.loads(line) for line in out.splitlines()], said

    def login(self, words, account, bring):
        process = self.start(f"auth login --no-browser {words}")
        line = process.stderr.readline()
        self.assertIn("open this page", line)
        brought = answer(self.browser, "http" + line.partition("http")[2].strip(), account)
        out, said = process.communicate(bring(brought), timeout=60)
        return self.ended(words, process, 0, out, line + said)

    def test_from_an_empty_home(self):
        lines, said = self.run_to_end("auth list")
        self.assertEqual(lines, [])
        self.assertIn("engagement auth app", said)

        self.run_to_end("auth app", typed=f"{APP['consumer_key']}\n{APP['consumer_secret']}\n")
        kept = self.home / ".config/engagement/credentials.toml"
        self.assertEqual(stat.S_IMODE(kept.stat().st_mode), 0o600)

        # The page shows a PIN, and the user types it.
        lines, _ = self.login(f"--pin {BRAND}", BRAND, lambda pin: pin + "\n")
        self.assertEqual(lines[0]["handle"], BRAND)
        # The page sends the browser back to the command itself.
        lines, _ = self.login("--callback http://127.0.0.1:0/callback", NEWS, lambda _: "")
        self.assertEqual(lines[0]["handle"], NEWS)
        self.assertIn("You can close this page", self.browser.one("p").text)

        lines, _ = self.run_to_end("auth check")
        self.assertEqual([(line["handle"], line["found"]) for line in lines], [(None, "good"), (BRAND, "good"), (NEWS, "good")])

        tweet = EMULATOR.ask(f"tweets?class=owned&screen_name={BRAND}&count=1")["tweet_ids"][0]
        lines, _ = self.run_to_end(f"totals {tweet} --as {BRAND} --metrics impressions")
        truth = EMULATOR.ask(f"truth?tweet_id={tweet}&metric=impressions")["value"]
        self.assertEqual([(line["owner"], line["state"], line["value"]) for line in lines], [(BRAND, "ok", truth)])

        (self.home / ".twurlrc").write_text(twurlrc(SPORT))
        would, said = self.run_to_end("auth import --from twurl")
        self.assertIn("--yes", said)
        self.assertNotIn(SPORT, kept.read_text())
        taken, _ = self.run_to_end("auth import --from twurl --yes")
        self.assertEqual(taken, would)
        sport = EMULATOR.ask(f"tweets?class=owned&screen_name={SPORT}&count=1")["tweet_ids"][0]
        lines, _ = self.run_to_end(f"totals {sport} --as {SPORT} --metrics impressions")
        self.assertEqual(lines[0]["state"], "ok")

        # One is revoked by the command, which keeps it no longer.
        _, said = self.run_to_end(f"auth remove {NEWS} --revoke")
        self.assertIn("revoked", said)
        _, said = self.run_to_end(f"totals {tweet} --as {NEWS}", code=4)
        self.assertIn(f"no access token for the account \"{NEWS}\"", said)
        # Another is revoked by its user, and the message that follows says whose it is and what to do.
        self.run_to_end("auth check")
        self.run_to_end(f"request POST /1.1/oauth/invalidate_token.json --as {SPORT} --out /dev/null")
        _, said = self.run_to_end(f"totals {sport} --as {SPORT} --metrics impressions", code=4)
        self.assertIn(f"asked with the token of {SPORT}", said)
        self.assertIn("revoked or reset", said)
        self.assertIn(f"engagement auth login {SPORT}", said)
        lines, _ = self.run_to_end("auth check", code=4)
        self.assertEqual([line["found"] for line in lines], ["good", "good", "revoked_token"])

        everything = "".join(self.said)
        secrets = [APP["consumer_secret"], APP["bearer_token"]]
        for account in ACCOUNTS.values():
            secrets += [account["access_token"], account["access_token_secret"]]
        for secret in secrets:
            self.assertNotIn(secret, everything)


def twurlrc(account):
    """As twurl writes it."""
    owner, key = ACCOUNTS[account], APP["consumer_key"]
    return f"""---
profiles:
  {account}:
    {key}:
      username: {account}
      consumer_key: {key}
      consumer_secret: {APP["consumer_secret"]}
      token: {owner["access_token"]}
      secret: {owner["access_token_secret"]}
configuration:
  default_profile:
  - {account}
  - {key}
"""


if __name__ == "__main__":
    run(sys.modules[__name__])
