"""An app that wants to be authorized: it signs its own requests (RFC 5849, by the standard library) and asks for tokens."""

import base64
import datetime
import hashlib
import hmac
import http.server
import json
import secrets
import threading
import urllib.error
import urllib.parse
import urllib.request


class Emulator:
    def __init__(self, url):
        self.url = url.rstrip("/")

    def ask(self, what, post=None):
        status, text = fetch(f"{self.url}/_emulator/{what}", None if post is None else json.dumps(post).encode())
        assert status == 200, f"{status}: {text}"
        return json.loads(text)

    def seconds(self):
        """Its time, in Unix seconds."""
        now = self.ask("world")["now"].split(".")[0].rstrip("Z") + "+00:00"
        return int(datetime.datetime.fromisoformat(now).timestamp())


class App:
    def __init__(self, emulator, consumer_key):
        self.emulator = emulator
        apps = emulator.ask("world")["apps"]
        self.app = next(app for app in apps if app["consumer_key"] == consumer_key)

    def request_token(self, callback):
        """Status and answer of the first step."""
        return self.call("/oauth/request_token", {"oauth_callback": callback})

    def begin(self, callback, **query):
        """A request token, and where its user is to be sent."""
        status, form = self.request_token(callback)
        assert status == 200, f"{status}: {form}"
        token = dict(urllib.parse.parse_qsl(form))
        assert token["oauth_callback_confirmed"] == "true"
        which = query.pop("which", "authorize")
        query = urllib.parse.urlencode({"oauth_token": token["oauth_token"], **query})
        return token, f"{self.emulator.url}/oauth/{which}?{query}"

    def exchange(self, token, verifier):
        """Status and answer of the last step."""
        return self.call("/oauth/access_token", {"oauth_verifier": verifier}, token)

    def user_of(self, token, verifier):
        """Whose token comes out of it, by the test of asking with it."""
        status, form = self.exchange(token, verifier)
        assert status == 200, f"{status}: {form}"
        access = dict(urllib.parse.parse_qsl(form))
        status, user = self.call("/1.1/account/verify_credentials.json", {}, access, method="GET")
        assert status == 200, f"{status}: {user}"
        assert json.loads(user)["screen_name"] == access["screen_name"]
        return access["screen_name"]

    def call(self, path, parameters, token=None, method="POST"):
        url = self.emulator.url + path
        parameters = {
            **parameters,
            "oauth_consumer_key": self.app["consumer_key"],
            "oauth_nonce": secrets.token_hex(16),
            "oauth_signature_method": "HMAC-SHA1",
            "oauth_timestamp": str(self.emulator.seconds()),
            "oauth_version": "1.0",
        }
        if token:
            parameters["oauth_token"] = token["oauth_token"]
        pairs = "&".join(f"{encode(name)}={encode(value)}" for name, value in sorted(parameters.items()))
        base = "&".join(encode(part) for part in (method, url, pairs))
        key = encode(self.app["consumer_secret"]) + "&" + encode(token["oauth_token_secret"] if token else "")
        digest = hmac.digest(key.encode(), base.encode(), hashlib.sha1)
        parameters["oauth_signature"] = base64.b64encode(digest).decode()
        header = ", ".join(f'{encode(name)}="{encode(value)}"' for name, value in parameters.items())
        return fetch(url, b"" if method == "POST" else None, {"Authorization": f"OAuth {header}"})


class Callback:
    """A page on a free port of this machine, for browsers to be sent back to."""

    def __enter__(self):
        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(b"<!DOCTYPE html><title>The app</title><main>Welcome back.</main>")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/callback"
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def encode(text):
    return urllib.parse.quote(text, safe="-._~")


def fetch(url, data=None, headers={}):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, data, headers), timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
