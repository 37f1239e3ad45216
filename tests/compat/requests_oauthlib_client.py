"""requests with requests-oauthlib."""

import json
import sys

import requests
from requests_oauthlib import OAuth1

request = json.load(sys.stdin)
auth = OAuth1(request["consumer_key"], request["consumer_secret"], request["token"], request["token_secret"])
answer = requests.post(request["url"], json=request["body"], auth=auth, timeout=30)
encoding = answer.headers.get("Content-Encoding")
json.dump({"status": answer.status_code, "encoding": encoding, "text": answer.text}, sys.stdout)
