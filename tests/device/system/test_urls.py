"""User, password and query of a URL are in no message."""

from __future__ import annotations

import pytest

from graft_device.system.urls import credentials, hide, scheme, shown, without_credentials


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://h/a/b.tflite", "https://h/a/b.tflite"),
        ("HTTPS://me:secret@h:8443/a?token=secret#secret", "HTTPS://h:8443/a"),
        ("rtsp://me:se%63ret@[::1]:554/live", "rtsp://[::1]:554/live"),
        ("rtsp://me:secret@secret@h/live", "rtsp://h/live"),
        ("http://me:sec/ret@h/live", "http://h/live"),
        ("http://me:sec?ret#@h:80/live?x", "http://h:80/live"),
        ("http://h:80/@scope/b", "http://h:80/@scope/b"),
        ("http://h/@scope/b", "http://h/@scope/b"),
        ("http://secret@h", "http://h"),
        ("http://@h/", "http://h/"),
        ("mqtt+x://me:secret@", "mqtt+x://"),
        ("photos/a://b@c", "photos/a://b@c"),
        ("/home/me@work/a.tflite", "/home/me@work/a.tflite"),
        ("", ""),
    ],
)
def test_shown(url: str, safe: str) -> None:
    assert shown(url) == safe
    assert hide(f"cannot open {url}: no", url) == f"cannot open {safe}: no"


@pytest.mark.parametrize("form", ["p@ssw:rd", "p%40ssw%3Ard", "p%40ssw:rd"])
def test_a_password_in_any_form_is_hidden(form: str) -> None:
    url = f"https://me:{form}@h/m?token=abc%2Fd&x=1"
    for said in ("p@ssw:rd", "p%40ssw%3Ard", form):
        assert hide(f"nonnumeric port: '{said}@h'", url) == "nonnumeric port: '***@h'"
    for said in ("abc/d", "abc%2Fd"):
        assert hide(f"no {said} here", url) == "no *** here"
    assert hide("some me, not me1", url) == "some ***, not me1"


def test_credentials() -> None:
    assert credentials("http://me%40home:p%2Fw@h/x") == ("me@home", "p/w")
    assert credentials("http://me@h/x") == ("me", "")
    assert credentials("http://h/x@y") is None
    assert credentials("me:pw@h") is None
    assert without_credentials("HTTP://me:p/w@h:1/x?q=1#f") == "HTTP://h:1/x?q=1"
    assert without_credentials("http://h/x") == "http://h/x"


def test_schemes() -> None:
    assert [scheme(text) for text in ("HTTPS://a", "rtsp://", "c:b", "/a", "1x://a")] == ["https", "rtsp", "", "", ""]
