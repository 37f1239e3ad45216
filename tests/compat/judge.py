"""Puts one client to the test against the emulator at `EMULATOR`. Standard library only.

usage: judge.py [--proxy CA] [--days N] --calls CALL[,CALL...] COMMAND [ARG...]

COMMAND sends one request with its client. It reads {"url", "body", "screen_name", "consumer_key", "consumer_secret",
"token", "token_secret", "bearer"} from standard input, null where there is none, and prints {"status", "encoding",
"text"}. With a proxy the URL is that of the real API, and it is the environment that leads to the emulator.
For every call and check this prints a line `CALL <tab> CHECK <tab> VERDICT`; the README says what is checked.
"""

import argparse
import datetime
import json
import os
import subprocess
import urllib.parse
import urllib.request

PRIVATE = ["engagements", "favorites", "impressions"]
PUBLIC = ["favorites", "retweets"]
DAY = datetime.timedelta(days=1)


class Judge:
    def __init__(self, options):
        self.options = options
        self.emulator = os.environ["EMULATOR"].rstrip("/")
        self.now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        # No hour turns between a question and its answer.
        self.ask("clock", {"now": self.now.strftime("%Y-%m-%dT%H:%M:%SZ"), "frozen": True})
        world = self.ask("world")
        self.app, self.account = world["apps"][0], world["accounts"][0]

    def examine(self, call):
        body = self.body(call)
        answer = self.send(call, body, right=True)
        status, text = answer["status"], answer["text"]
        self.report(call, "status", status == 200, f"{status}: {text[:500]}")
        self.report(call, "gzip", answer["encoding"] == "gzip", f"Content-Encoding {answer['encoding']!r}")
        try:
            differences = self.differences(body, json.loads(text))
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            differences = [f"{error!r} in {text[:200]}"]
        self.report(call, "values", not differences, "; ".join(differences))
        answer = self.send(call, body, right=False)
        self.report(call, "wrong secret", answer["status"] == 401, f"{answer['status']}: {answer['text'][:500]}")

    def body(self, call):
        app_only = is_app_only(call)
        owner = {} if app_only else {"screen_name": self.account["screen_name"]}
        # The first two of a class are younger than 90 days, so that every metric is served.
        tweets = self.ask("tweets", **{"class": "unowned" if app_only else "owned", "count": 2, **owner})
        body = {
            "tweet_ids": tweets["tweet_ids"],
            "engagement_types": PUBLIC if app_only else PRIVATE,
            "groupings": {"by tweet": {"group_by": ["tweet.id", "engagement.type"]}},
        }
        if call == "historical":
            end = self.now - DAY
            body["start"] = (end - self.options.days * DAY).strftime("%Y-%m-%dT00:00:00Z")
            body["end"] = end.strftime("%Y-%m-%dT00:00:00Z")
        return body

    def send(self, call, body, right):
        def secret(text):
            return text if right else "wrong"

        base, environment = self.emulator, dict(os.environ)
        if self.options.proxy:
            base = "https://data-api.twitter.com"
            environment.update(HTTPS_PROXY=self.emulator, NO_PROXY="", no_proxy="")
            environment.update(REQUESTS_CA_BUNDLE=self.options.proxy, CURL_CA_BUNDLE=self.options.proxy)
        request = {"url": f"{base}/insights/engagement/{call.split()[0]}", "body": body}
        request |= dict.fromkeys(["screen_name", "consumer_key", "consumer_secret", "token", "token_secret", "bearer"])
        if call.endswith("bearer"):
            request["bearer"] = secret(self.app["bearer_token"])
        elif is_app_only(call):
            request["consumer_key"] = self.app["consumer_key"]
            request["consumer_secret"] = secret(self.app["consumer_secret"])
        elif call.endswith("signing in"):
            request["consumer_key"] = self.app["consumer_key"]
            request["consumer_secret"] = secret(self.app["consumer_secret"])
            request["screen_name"] = self.account["screen_name"]
        else:
            request["consumer_key"] = self.app["consumer_key"]
            request["consumer_secret"] = self.app["consumer_secret"]
            request["token"] = self.account["access_token"]
            request["token_secret"] = secret(self.account["access_token_secret"])
        client = subprocess.run(
            self.options.command, input=json.dumps(request), capture_output=True, text=True, env=environment, timeout=120
        )
        if client.returncode != 0:
            return {"status": None, "encoding": None, "text": f"the client failed: {client.stderr[-1000:]}"}
        return json.loads(client.stdout)

    def differences(self, body, answer):
        window = {bound: answer[bound] for bound in ("start", "end") if bound in answer}
        found = []
        for tweet_id in body["tweet_ids"]:
            for metric in body["engagement_types"]:
                wanted = self.ask("truth", tweet_id=tweet_id, metric=metric, **window)["value"]
                got = int(answer["by tweet"][tweet_id][metric])
                if got != wanted:
                    found.append(f"{metric} of {tweet_id} is {got}, not {wanted}")
        return found

    def ask(self, what, post=None, /, **query):
        url = f"{self.emulator}/_emulator/{what}"
        if query:
            url += "?" + urllib.parse.urlencode(query)
        data = None if post is None else json.dumps(post).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text.strip() else None

    def report(self, call, check, holds, seen):
        print(call, check, "ok" if holds else " ".join(seen.split()), sep="\t", flush=True)


def is_app_only(call):
    return call.endswith(("consumer", "bearer"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--proxy", metavar="CA")
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--calls", required=True)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    judge = Judge(options)
    for call in options.calls.split(","):
        judge.examine(call)


main()
