#!/usr/bin/env python3
"""Downloads transactions, rounds or reports of a span of time into a file, one JSON object per line.

    CROUPIER_TOKEN=... python3 history-download.py --url https://croupier.example \
        --from 2027-01-01T00:00:00Z --to 2027-02-01T00:00:00Z transactions.ndjson

What has arrived is kept in "<file>.part". After a broken connection, a restart of the gateway or of this script, the
download goes on after the last whole line: nothing is missing and nothing is there twice. The file gets its name when it
is whole. Needs Python 3.8 or newer and nothing else. Exit status: 0 whole, 1 given up (run it again), 2 refused.
"""
import argparse
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

BLOCK_BYTES = 1 << 16
TIMEOUT_SECONDS = 120
# What passes by itself. Everything else would be refused again.
PASSING = (429, 502, 503, 504)


class Refused(Exception):
    """The gateway says that this request is wrong, whenever it is sent."""


def last_cursor(path):
    """Cuts off what is no whole line, and returns the cursor of the last line; None for an empty file."""
    with open(path, "a+b") as file:
        size = file.seek(0, os.SEEK_END)
        tail, start = b"", size
        while start > 0 and tail.count(b"\n") < 2:
            step = min(BLOCK_BYTES, start)
            start -= step
            file.seek(start)
            tail = file.read(step) + tail
        end = tail.rfind(b"\n") + 1
        file.truncate(start + end)
        lines = tail[:end].splitlines()
    return json.loads(lines[-1])["cursor"] if lines else None


def fetch(address, token, path):
    """One request: appends what arrives. Raises when it did not arrive whole."""
    request = urllib.request.Request(address, headers={"Authorization": "Bearer " + token})
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer, open(path, "ab") as file:
        # A file that breaks off lacks the last chunk of its encoding; read1 raises IncompleteRead then.
        while True:
            block = answer.read1(BLOCK_BYTES)
            if not block:
                return
            file.write(block)


def explain(error):
    try:
        return json.load(error)["error"]["message"]
    except (ValueError, KeyError, TypeError):
        return error.reason


def download(options, token):
    part = options.file + ".part"
    query = {"from": options.start, "to": options.end}
    query.update(pair.split("=", 1) for pair in options.only)
    failures = 0
    while True:
        before = last_cursor(part)
        if before is not None:
            query["after"] = before
        address = "%s/exports/%s.ndjson?%s" % (options.url.rstrip("/"), options.what, urllib.parse.urlencode(query))
        try:
            fetch(address, token, part)
            os.replace(part, options.file)
            return
        except urllib.error.HTTPError as error:
            if error.code not in PASSING:
                raise Refused("%d: %s" % (error.code, explain(error)))
            problem, wait = explain(error), float(error.headers.get("retry-after") or 0)
        except (OSError, http.client.HTTPException) as error:
            problem, wait = repr(error), 0
        failures = 0 if last_cursor(part) != before else failures + 1
        if failures > options.attempts:
            sys.exit("Given up: %s. What has arrived is in %s; run this again to go on." % (problem, part))
        print("%s; going on after the last line" % problem, file=sys.stderr)
        time.sleep(max(wait, min(30, options.pause * 2**failures)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--url", required=True, help="of the gateway")
    parser.add_argument("--what", default="transactions", choices=["transactions", "rounds", "reports"])
    parser.add_argument("--from", dest="start", required=True, metavar="TIME", help="inclusive, such as 2027-01-01T00:00:00Z")
    parser.add_argument("--to", dest="end", required=True, metavar="TIME", help="exclusive; a minute ago or earlier")
    parser.add_argument("--only", action="append", default=[], metavar="NAME=VALUE", help="integration=..., player=..., kind=...")
    parser.add_argument("--attempts", type=int, default=8, help="in a row without a new line (8)")
    parser.add_argument("--pause", type=float, default=1, help="seconds before the first repetition (1)")
    options = parser.parse_args()
    token = os.environ.get("CROUPIER_TOKEN")
    if not token:
        parser.error("set CROUPIER_TOKEN to a token of an analyst, an operator or a service")
    try:
        download(options, token)
    except Refused as refusal:
        print("Refused: %s" % refusal, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
