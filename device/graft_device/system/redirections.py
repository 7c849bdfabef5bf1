"""Opens http and https URLs. Redirections never leave encryption, and what comes with them is not read."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urljoin

from graft_device.system.urls import scheme, without_credentials


class Redirections(urllib.request.HTTPRedirectHandler):
    """Follows redirections to http and https, except from https to http. What comes with one is not read."""

    def http_error_302(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:
        """Follows a redirection, or raises URLError with the reason."""
        refusal = _refused(req.full_url, headers.get("location") or headers.get("uri") or "")
        if refusal is not None:
            fp.close()
            raise urllib.error.URLError(refusal)
        unread: Any = _Unread(fp)
        return super().http_error_302(req, unread, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        """The request to the new address; a user and a password in it are dropped."""
        return super().redirect_request(req, fp, code, msg, headers, without_credentials(newurl))


def opener(*others: urllib.request.BaseHandler) -> urllib.request.OpenerDirector:
    """An opener for http and https alone, not ``file:`` or ``ftp:``, wherever a server redirects to.

    Args:
        others: further handlers, such as those that answer a request for a password.
    """
    director = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        *others,
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
        Redirections(),
    ):
        director.add_handler(handler)
    return director


def _refused(url: str, target: str) -> str | None:
    """Why a redirection is not followed; None for one that is."""
    try:
        new = scheme(urljoin(url, target))
    except ValueError:
        return "it redirects to an address that cannot be read"
    if new not in {"http", "https"}:
        return "it redirects to an address that is neither http nor https"
    return "it redirects from https to an unencrypted address" if (scheme(url), new) == ("https", "http") else None


class _Unread:
    """A response whose body, which may never end, is not read."""

    def __init__(self, response: Any) -> None:
        self._response = response

    def read(self, *_: Any) -> bytes:
        return b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._response, name)
