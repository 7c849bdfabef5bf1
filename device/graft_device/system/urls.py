"""Keeps the secrets in a URL out of errors, notes and logs."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, quote, unquote

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_PORT = re.compile(r"[^@]*:\d*")
_HIDDEN = "***"


def scheme(url: str) -> str:
    """The scheme of a URL in lower case, such as ``https``; empty if the text is not a URL."""
    match = _URL.fullmatch(url)
    return match[1].lower() if match else ""


def shown(text: str) -> str:
    """A URL without user, password, query and fragment; a text that is not a URL as it is."""
    match = _URL.fullmatch(text)
    if match is None:
        return text
    _, host, path = _split(match[2])
    return f"{match[1]}://{host}{path}"


def hide(message: str, url: str) -> str:
    """The message of another program about a URL, without the URL's user, password and query.

    Args:
        message: the message, which may contain parts of the URL.
        url: the URL, or any other text, which hides nothing.
    """
    match = _URL.fullmatch(url)
    if match is None:
        return message
    user, _, _ = _split(match[2])
    _, _, tail = match[2].partition("?")
    message = message.replace(url, shown(url))
    for secret in sorted({*_forms(user), *_forms(*user.split(":", 1)), *_of_query(tail)}, key=len, reverse=True):
        message = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", _HIDDEN, message)
    return message


def credentials(url: str) -> tuple[str, str] | None:
    """User and password in a URL, decoded; None if there is no user."""
    match = _URL.fullmatch(url)
    user = _split(match[2])[0] if match else ""
    name, _, password = user.partition(":")
    return (unquote(name), unquote(password)) if user else None


def without_credentials(url: str) -> str:
    """The URL with its query but without user, password and fragment."""
    match = _URL.fullmatch(url)
    if match is None:
        return url
    user, _, _ = _split(match[2])
    rest = match[2][len(user) + 1 :] if user else match[2].removeprefix("@")
    return f"{match[1]}://{rest.partition('#')[0]}"


def _split(rest: str) -> tuple[str, str, str]:
    """User with password, host with port, and path of what follows ``://``."""
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" not in authority and "@" in rest and ":" in authority and not _PORT.fullmatch(authority):
        authority = rest[: rest.rindex("@")]  # a password with a /, ? or # that should have been encoded
        authority += re.split(r"[/?#]", rest[len(authority) :], maxsplit=1)[0]
    user, _, host = authority.rpartition("@")
    path = re.split(r"[?#]", rest[len(authority) :], maxsplit=1)[0]
    return user, host, path


def _of_query(tail: str) -> set[str]:
    return _forms(tail, tail.partition("#")[0], tail.partition("#")[2], *(value for _, value in parse_qsl(tail)))


def _forms(*secrets: str) -> set[str]:
    """Secrets as given, decoded and encoded."""
    forms = {form for secret in secrets for form in (secret, unquote(secret), quote(unquote(secret), safe=""))}
    return forms - {""}
