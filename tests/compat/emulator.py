"""The emulator's test interface, and the four checks, for the clients in Python. Standard library only."""

import datetime
import json
import os
import urllib.parse
import urllib.request

PRIVATE = ["engagements", "favorites", "impressions"]
PUBLIC = ["favorites", "retweets"]


class Emulator:
    def __init__(self):
        self.url = os.environ["EMULATOR"].rstrip("/")
        now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        self._ask("clock", {"now": now.isoformat().replace("+00:00", "Z"), "frozen": True})
        self.now = now
        world = self._ask("world")
        self.app = world["apps"][0]
        self.account = world["accounts"][0]

    def examine(self, call, post):
        """Checks one call. `post(url, body, right)` sends it, with a wrong secret unless `right`, and returns status,
        Content-Encoding and decoded text."""
        body = self._body(call)
        url = f"{self.url}/insights/engagement/{call.split()[0]}"
        status, encoding, text = post(url, body, True)
        report(call, "status", status == 200, f"{status}: {text[:500]}")
        report(call, "gzip", encoding == "gzip", f"Content-Encoding {encoding!r}")
        try:
            differences = self._differences(body, json.loads(text))
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            differences = [f"{error!r} in {text[:200]}"]
        report(call, "values", not differences, "; ".join(differences))
        status, _, text = post(url, body, False)
        report(call, "wrong secret", status == 401, f"{status}: {text[:500]}")

    def _body(self, call):
        app_only = call.endswith("app-only")
        owner = {} if app_only else {"screen_name": self.account["screen_name"]}
        # The first two of a class are younger than 90 days, so that every metric is served.
        tweets = self._ask("tweets", **{"class": "unowned" if app_only else "owned", "count": 2, **owner})
        body = {
            "tweet_ids": tweets["tweet_ids"],
            "engagement_types": PUBLIC if app_only else PRIVATE,
            "groupings": {"by tweet": {"group_by": ["tweet.id", "engagement.type"]}},
        }
        if call == "historical":
            day = datetime.timedelta(days=1)
            body["start"] = (self.now - 8 * day).strftime("%Y-%m-%dT00:00:00Z")
            body["end"] = (self.now - day).strftime("%Y-%m-%dT00:00:00Z")
        return body

    def _differences(self, body, answer):
        window = {bound: answer[bound] for bound in ("start", "end") if bound in answer}
        found = []
        for tweet_id in body["tweet_ids"]:
            for metric in body["engagement_types"]:
                wanted = self._ask("truth", tweet_id=tweet_id, metric=metric, **window)["value"]
                got = int(answer["by tweet"][tweet_id][metric])
                if got != wanted:
                    found.append(f"{metric} of {tweet_id} is {got}, not {wanted}")
        return found

    def _ask(self, what, post=None, /, **query):
        url = f"{self.url}/_emulator/{what}"
        if query:
            url += "?" + urllib.parse.urlencode(query)
        data = None if post is None else json.dumps(post).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text.strip() else None


def report(call, check, holds, seen):
    print(call, check, "ok" if holds else " ".join(seen.split()), sep="\t", flush=True)
