"""tweepy's OAuth 1.0a handler, which knows nothing of the Engagement API, on a plain request."""

import json
import sys

import requests
import tweepy

request = json.load(sys.stdin)
keys = [request[name] for name in ["consumer_key", "consumer_secret", "token", "token_secret"]]
auth = tweepy.OAuth1UserHandler(*keys).apply_auth()
answer = requests.post(request["url"], json=request["body"], auth=auth, timeout=30)
encoding = answer.headers.get("Content-Encoding")
json.dump({"status": answer.status_code, "encoding": encoding, "text": answer.text}, sys.stdout)
