"""Starts the installed ``graft studio`` and opens each of its pages as a browser does; needs nothing but Python.

Usage: ``venv/bin/python tests/support/try_studio.py FOLDER``.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path

PATHS = ("/", "/check", "/train", "/fastest", "/try", "/boards", "/export")


def main() -> None:
    """Opens all pages with their style sheets and scripts, and ends the studio."""
    command = [str(Path(sys.executable).parent / "graft"), "studio", sys.argv[1], "--no-browser"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        line = run.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/enter#(\S+)", line)
        if found is None:
            raise SystemExit(line + run.stderr.read())
        try:
            _open_all(int(found[1]), found[2])
        finally:
            run.send_signal(signal.SIGINT)
        if run.wait(60) != 0:
            raise SystemExit(f"graft studio ended with {run.returncode}: {run.stderr.read()}")


def _open_all(port: int, code: str) -> None:
    body = json.dumps({"code": code}).encode()
    cookie = _ask(port, "POST", "/session", {"Content-Type": "application/json"}, body)[0]["Set-Cookie"].partition(";")[
        0
    ]
    for path in PATHS:
        page = _ask(port, "GET", path, {"Cookie": cookie, "Accept": "text/html"})[1]
        parts = {*re.findall(r'(?:href|src|url)=?\(?"(/[^"]+)"', page)}
        if "/static/studio.css" not in parts:
            raise SystemExit(f"{path} has no style: {page[:300]}")
        for part in parts:
            _ask(port, "GET", part, {"Cookie": cookie})


def _ask(
    port: int, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
) -> tuple[HTTPMessage, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, body, dict(headers))
    answer = connection.getresponse()
    text = answer.read().decode(errors="replace")
    if answer.status != 200:
        raise SystemExit(f"{method} {path}: {answer.status} {text[:300]}")
    return answer.headers, text


if __name__ == "__main__":
    main()
