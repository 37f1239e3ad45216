"""tweepy's OAuth 1.0a handler, which knows nothing of the Engagement API, on a plain requests session."""

import requests
import tweepy
from emulator import Emulator

emulator = Emulator()
app, account = emulator.app, emulator.account


def post(url, body, right):
    secret = account["access_token_secret"] if right else "wrong"
    handler = tweepy.OAuth1UserHandler(
        app["consumer_key"], app["consumer_secret"], account["access_token"], secret
    )
    answer = requests.post(url, json=body, auth=handler.apply_auth(), timeout=30)
    return answer.status_code, answer.headers.get("Content-Encoding"), answer.text


for call in ["totals", "28hr", "historical"]:
    emulator.examine(call, post)
