"""The package gnip_insights_interface, which splits long ranges and adds the parts up by itself."""

import functools
import json
import os
import pathlib
import sys
import tempfile

import yaml
from gnip_insights_interface import engagement_api

# The package was written for PyYAML 5, whose `load` needed no loader.
yaml.load = functools.partial(yaml.load, Loader=yaml.SafeLoader)

request = json.load(sys.stdin)
body = request["body"]
base, _, endpoint = request["url"].rpartition("/")
answers = []
post = engagement_api.requests.post


def noted(*args, **kwargs):
    answers.append(post(*args, **kwargs, timeout=30))
    return answers[-1]


engagement_api.requests.post = noted
with tempfile.TemporaryDirectory() as home:
    names = ["consumer_key", "consumer_secret", "token", "token_secret"]
    credentials = {"url": base, "username": "demo", **{name: request[name] for name in names}}
    pathlib.Path(home, ".twitter_api_creds").write_text(yaml.safe_dump({"engagement": credentials}))
    os.environ["HOME"] = home
    results = engagement_api.query_tweets(
        body["tweet_ids"],
        body["groupings"],
        endpoint,
        body["engagement_types"],
        250 if endpoint == "totals" else 25,
        (body.get("start"), body.get("end")),
    )
if "start" in body:
    # It keeps the bounds of the last part only.
    results |= {"start": body["start"], "end": body["end"]}
status = max(answer.status_code for answer in answers)
encodings = {answer.headers.get("Content-Encoding") for answer in answers}
encoding = encodings.pop() if len(encodings) == 1 else "mixed"
json.dump({"status": status, "encoding": encoding, "text": json.dumps(results)}, sys.stdout)
