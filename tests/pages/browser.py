"""Chromium, driven by WebDriver. Standard library only.

`chromedriver` must be on PATH, or named by CHROMEDRIVER; it finds Chromium itself, or CHROMIUM names it.
"""

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

TAB, ENTER, SPACE, DOWN = "\ue004", "\ue007", " ", "\ue015"

# What a page is shown by is neither this machine's proxy nor its owner's profile, and calls nobody else.
ARGUMENTS = [
    "--headless=new",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--no-proxy-server",
]


class Failure(Exception):
    """The browser could not do what was asked."""


class Browser:
    """One browser with an empty profile; it ends with its `with`."""

    def __enter__(self):
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        program = os.environ.get("CHROMEDRIVER") or shutil.which("chromedriver") or "chromedriver"
        self.driver = subprocess.Popen([program, "--port=0"], stdout=subprocess.PIPE, text=True)
        try:
            self.base = f"http://127.0.0.1:{self._port()}"
            self.session = self._start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_):
        try:
            self._ask("DELETE", "")
        finally:
            self._end()

    def _end(self):
        self.driver.terminate()
        self.driver.wait()
        self.driver.stdout.close()
        self.profile.cleanup()

    def _port(self):
        for line in self.driver.stdout:
            if found := re.search(r"successfully on port (\d+)", line):
                return int(found[1])
        raise Failure("chromedriver does not say where it listens")

    def _start(self):
        arguments = [*ARGUMENTS, f"--user-data-dir={self.profile.name}"]
        if os.geteuid() == 0:
            # Chromium does not sandbox what root runs, and says so by not starting.
            arguments.append("--no-sandbox")
        options = {"args": arguments}
        if program := os.environ.get("CHROMIUM"):
            options["binary"] = program
        wanted = {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}}
        self.session = None
        return self._ask("POST", "", wanted)["sessionId"]

    def _ask(self, method, path, body=None):
        url = f"{self.base}/session" + (f"/{self.session}" if self.session else "") + path
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            value = json.load(error)["value"]
            # That nobody listens at the callback is no failure: the address is what matters.
            if "net::ERR_CONNECTION_REFUSED" in value["message"]:
                return None
            raise Failure(f"{value['error']}: {value['message']}") from None

    def open(self, url):
        self._ask("POST", "/url", {"url": url})

    def back(self):
        self._ask("POST", "/back", {})

    @property
    def url(self):
        return self._ask("GET", "/url")

    @property
    def title(self):
        return self._ask("GET", "/title")

    def all(self, css):
        """The elements that fit, in the order of the page."""
        found = self._ask("POST", "/elements", {"using": "css selector", "value": css})
        return [Element(self, next(iter(one.values()))) for one in found]

    def one(self, css):
        """The only element that fits."""
        found = self.all(css)
        if len(found) != 1:
            raise Failure(f"{len(found)} elements fit {css!r} on {self.url}")
        return found[0]

    def focused(self):
        found = self._ask("GET", "/element/active")
        return Element(self, next(iter(found.values())))

    def press(self, *keys):
        """Presses keys one after the other, wherever the focus is."""
        strokes = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._ask("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": strokes}]})

    def frame(self, number):
        """Looks into a frame of the page, from here on."""
        self._ask("POST", "/frame", {"id": number})

    def resize(self, width, height):
        self._ask("POST", "/window/rect", {"width": width, "height": height})

    def screenshot(self):
        """As PNG."""
        return base64.b64decode(self._ask("GET", "/screenshot"))

    def run(self, script, *arguments):
        return self._ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def run_later(self, script, *arguments):
        """Runs a script that calls its last argument when it is done."""
        return self._ask("POST", "/execute/async", {"script": script, "args": list(arguments)})

    def wait(self, holds, what):
        deadline = time.monotonic() + 10
        while not holds():
            if time.monotonic() > deadline:
                raise Failure(f"{what} did not come about on {self.url}")
            time.sleep(0.02)


class Element:
    def __init__(self, browser, id):
        self.browser, self.path = browser, f"/element/{id}"

    def click(self):
        self.browser._ask("POST", self.path + "/click", {})

    @property
    def text(self):
        return self.browser._ask("GET", self.path + "/text")

    @property
    def is_selected(self):
        return self.browser._ask("GET", self.path + "/selected")

    @property
    def name(self):
        """What a screen reader calls it."""
        return self.browser._ask("GET", self.path + "/computedlabel")

    @property
    def role(self):
        return self.browser._ask("GET", self.path + "/computedrole")

    def __getitem__(self, property):
        return self.browser._ask("GET", f"{self.path}/property/{property}")
