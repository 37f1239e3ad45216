"""Writes COUNT random requests, signed by Python's oauthlib, into files below FOLDER that `cargo xtask vectors` reads.

usage: oauthlib_vectors.py COUNT FOLDER [SEED]

Left out, because there oauthlib does not follow RFC 5849 or goes its own way, so that a difference would be no news:
names and values that begin with `oauth_` outside the header (3.1: reserved), bare characters that must be escaped in a
query (3.6; oauthlib refuses them), an empty path (3.4.1.2; written as "/" here), a form body on GET (3.4.1.3.1 has it
signed; oauthlib refuses it), and a realm. oauthlib is not shown bodies that are no forms, because it would add
`oauth_body_hash`, an extension that RFC 5849 does not know.
"""

import json
import pathlib
import random
import re
import sys
from urllib.parse import quote, unquote

from oauthlib.oauth1 import Client
from oauthlib.oauth1.rfc5849 import signature

FORM = "application/x-www-form-urlencoded"
PER_FILE = 5000
ALPHABETS = [
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
    "-._~",
    " !\"#$%&'()*+,/:;<=>?@[\\]^`{|}",
    "\t\n\r\x00\x7f",
    "äßñéÅÅ€Ωж写輪眼שלום\u200f\u2028\ufffd\ufeff",
    "😀🏳️\u200d🌈𝒳\U0010ffff",
]


def text(rng, shortest, longest, alphabets=ALPHABETS):
    length = rng.randint(shortest, longest)
    return "".join(rng.choice(rng.choice(alphabets)) for _ in range(length))


def pairs(rng):
    found = [(text(rng, 1, 8), text(rng, 0, 24)) for _ in range(rng.choice([0, 0, 1, 2, 3, 8]))]
    if found and rng.random() < 0.3:
        name, value = rng.choice(found)
        found.append((name, rng.choice([value, text(rng, 0, 4)])))
    # The first character decides what a reserved name is.
    return [(name, value) for name, value in found if not name.startswith("oauth_")]


def encoded(rng, found):
    def escape(part):
        escaped = quote(part, safe="-._~")
        if rng.random() < 0.3:
            escaped = escaped.replace("%20", "+")
        if rng.random() < 0.1:
            escaped = re.sub("%[0-9A-F]{2}", lambda match: match.group().lower(), escaped)
        return escaped

    return "&".join(f"{escape(name)}={escape(value)}" for name, value in found)


def url(rng, query):
    scheme = rng.choice(["http", "https", "https", "HTTPS"])
    host = rng.choice(["api.twitter.com", "API.Example.com", "127.0.0.1", "photos.example.net", "[::1]"])
    port = rng.choice(["", "", ":80", ":443", ":8080", ":65535"])
    segments = [quote(text(rng, 1, 10), safe="-._~!$&'()*+,=:@") for _ in range(rng.randint(0, 4))]
    segments = [segment for segment in segments if segment not in (".", "..")]
    path = "/" + "/".join(segments) + rng.choice(["", "", "/" if segments else ""])
    return f"{scheme}://{host}{port}{path}" + (f"?{query}" if query else "")


def vector(rng, number):
    method = rng.choice(["GET", "POST", "POST", "PUT", "DELETE", "PATCH"])
    query, form = pairs(rng), None
    content_type, body = None, None
    if method not in ("GET", "DELETE"):
        kind = rng.choice(["form", "json", "none"])
        if kind == "form":
            form = pairs(rng) or [("a", "b")]
            content_type, body = FORM, encoded(rng, form)
        elif kind == "json":
            content_type, body = "application/json", json.dumps(dict(pairs(rng)))
    address = url(rng, encoded(rng, query))
    plain = ALPHABETS[:3]
    consumer_key, consumer_secret = text(rng, 1, 40, plain), text(rng, 0, 70)
    token, token_secret = rng.choice([(None, ""), (text(rng, 1, 60, plain), text(rng, 0, 70))])
    nonce, timestamp = text(rng, 1, 42, plain), str(rng.randint(1, 4_000_000_000))
    callback = rng.choice([None, None, None, "oob", "http://127.0.0.1:8080/back?a=b"])
    verifier = rng.choice([None, None, None, "1234567", text(rng, 1, 20, plain)])
    client = Client(
        consumer_key,
        client_secret=consumer_secret,
        resource_owner_key=token,
        resource_owner_secret=token_secret,
        callback_uri=callback,
        verifier=verifier,
        nonce=nonce,
        timestamp=timestamp,
    )
    _, signed, _ = client.sign(address, method, body if form else None, {"Content-Type": FORM} if form else {})
    header = dict(re.findall(r'([A-Za-z_]+)="([^"]*)"', signed["Authorization"].removeprefix("OAuth ")))
    base_string_uri = signature.base_string_uri(address)
    parameters = signature.collect_parameters(
        uri_query=address.partition("?")[2], body=body if form else [], headers=signed
    )
    parameter_string = signature.normalize_parameters(parameters)
    base_string = signature.signature_base_string(method, base_string_uri, parameter_string)
    return {
        "id": f"P{number:06}",
        "class": "random",
        "level": "must",
        "note": "random",
        "source": "oauthlib",
        "reports": [],
        "request": {
            "method": method,
            "url": address,
            "content_type": content_type,
            "body": body,
            "query": query,
            "form": form,
        },
        "credentials": {
            "consumer_key": consumer_key,
            "consumer_secret": consumer_secret,
            "token": token,
            "token_secret": token_secret,
        },
        "oauth": {
            "nonce": nonce,
            "timestamp": timestamp,
            "version": "1.0",
            "callback": callback,
            "verifier": verifier,
            "realm": None,
            "extra": [],
        },
        "expect": {
            "base_string_uri": base_string_uri,
            "parameter_string": parameter_string,
            "base_string": base_string,
            "signing_key": f"{quote(consumer_secret, safe='-._~')}&{quote(token_secret, safe='-._~')}",
            "signature": unquote(header["oauth_signature"]),
            "authorization": header,
            "realm": None,
        },
    }


def main(count, folder, seed="1"):
    rng = random.Random(int(seed))
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    vectors = [vector(rng, number) for number in range(int(count))]
    for first in range(0, len(vectors), PER_FILE):
        part = vectors[first : first + PER_FILE]
        content = {"schema": "oauth1-signing/1", "count": len(part), "classes": ["random"], "vectors": part, "tables": {}}
        path = folder / f"oauthlib-{first // PER_FILE:03}.json"
        path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        print(path)


main(*sys.argv[1:])
