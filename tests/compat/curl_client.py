"""curl with a bearer token."""

import json
import pathlib
import subprocess
import tempfile

from emulator import Emulator

emulator = Emulator()


def post(url, body, right):
    token = emulator.app["bearer_token"] if right else "wrong"
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        command = ["curl", "--silent", "--show-error", "--max-time", "30", "--compressed"]
        command += ["--dump-header", folder / "headers", "--output", folder / "body", "--write-out", "%{http_code}"]
        command += ["--header", f"Authorization: Bearer {token}", "--header", "Content-Type: application/json"]
        command += ["--data", json.dumps(body), url]
        status = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        headers = (folder / "headers").read_text().splitlines()
        headers = dict(line.lower().split(": ", 1) for line in headers if ": " in line)
        return int(status), headers.get("content-encoding"), (folder / "body").read_text()


emulator.examine("totals app-only", post)
