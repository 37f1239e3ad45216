"""tweepy's three-legged flow on the hosts that it knows, and a request with the token that comes of it."""

import json
import re
import sys

import requests
import tweepy

request = json.load(sys.stdin)
handler = tweepy.OAuth1UserHandler(request["consumer_key"], request["consumer_secret"], callback="oob")
try:
    url = handler.get_authorization_url()
except tweepy.TweepyException as error:
    # It keeps the status in its text alone.
    status = re.search(r"Token request failed with code (\d+)", str(error))
    json.dump({"status": int(status[1]), "encoding": None, "text": str(error)}, sys.stdout)
    sys.exit()


def hidden(page, name):
    return re.search(rf'name="{name}" value="([^"]*)"', page)[1]


# What the user does in a browser.
page = requests.get(url, timeout=30).text
form = {name: hidden(page, name) for name in ("oauth_token", "authenticity_token")}
form |= {"screen_name": request["screen_name"], "decision": "allow"}
pin = re.search(r'id="pin">(\d{7})<', requests.post(url.split("?")[0], form, timeout=30).text)[1]

token, token_secret = handler.get_access_token(pin)
auth = tweepy.OAuth1UserHandler(request["consumer_key"], request["consumer_secret"], token, token_secret).apply_auth()
answer = requests.post(request["url"], json=request["body"], auth=auth, timeout=30)
encoding = answer.headers.get("Content-Encoding")
json.dump({"status": answer.status_code, "encoding": encoding, "text": answer.text}, sys.stdout)
