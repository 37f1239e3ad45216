"""curl with a bearer token."""

import json
import pathlib
import subprocess
import sys
import tempfile

request = json.load(sys.stdin)
with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    command = ["curl", "--silent", "--show-error", "--max-time", "30", "--compressed"]
    command += ["--dump-header", folder / "headers", "--output", folder / "body", "--write-out", "%{http_code}"]
    command += ["--header", f"Authorization: Bearer {request['bearer']}"]
    command += ["--header", "Content-Type: application/json", "--data", json.dumps(request["body"]), request["url"]]
    status = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    headers = dict(line.lower().split(": ", 1) for line in (folder / "headers").read_text().splitlines() if ": " in line)
    text = (folder / "body").read_text()
json.dump({"status": int(status), "encoding": headers.get("content-encoding"), "text": text}, sys.stdout)
