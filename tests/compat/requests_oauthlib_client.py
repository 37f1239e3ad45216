"""requests with requests-oauthlib."""

import requests
from emulator import Emulator
from requests_oauthlib import OAuth1

emulator = Emulator()
app, account = emulator.app, emulator.account


def post_with(*token):
    def post(url, body, right):
        consumer_secret = app["consumer_secret"] if right or token else "wrong"
        key, *secrets = token if token else (None,)
        if not right:
            secrets = ["wrong" for _ in secrets]
        auth = OAuth1(app["consumer_key"], consumer_secret, key, *secrets)
        answer = requests.post(url, json=body, auth=auth, timeout=30)
        return answer.status_code, answer.headers.get("Content-Encoding"), answer.text

    return post


user = post_with(account["access_token"], account["access_token_secret"])
for call in ["totals", "28hr", "historical"]:
    emulator.examine(call, user)
emulator.examine("totals app-only", post_with())
