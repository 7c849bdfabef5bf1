"""Runs commands on a board whatever its login shell and its session's settings are.

The login shell gets one short line that every shell reads alike. That line starts ``/bin/sh``, which reads a script
from the first bytes of standard input; the rest of standard input is the command's. What a ``.bashrc`` prints comes
before a mark in the output and is dropped. The command gets an environment without the session's settings for Python,
pip, the dynamic linker and the language, and a umask that lets a service's user read its files.
"""

from __future__ import annotations

import secrets
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KEPT = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TZ", "TMPDIR", "GRAFT_STORE",
    "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS",
    "http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
    "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_PROXY",
    "PIP_CERT", "PIP_CLIENT_CERT", "PIP_CONFIG_FILE", "PIP_TIMEOUT", "PIP_RETRIES",
)  # fmt: skip
"""The session's variables that a command gets: where things are, how to reach the network, where packages come from."""

_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
# English messages, because this machine recognises some of them.
_FIXED = {"LC_ALL": "C.UTF-8"}
# A shell may read its script in blocks, and so take input that is the command's; dd reads no more than it is told.
_LINE = """/bin/sh -c 'PATH=$PATH:{path}; eval "$(dd bs=1 count={size} 2>/dev/null)"'"""
_SCRIPT = """\
umask 022
[ -d "$TMPDIR" ] && [ -w "$TMPDIR" ] || unset TMPDIR
set --
for name in {kept}; do
    eval "value=\\${{$name-}}"
    [ -z "$value" ] || set -- "$@" "$name=$value"
done
printf '\\n%s\\n' {mark}
printf '\\n%s\\n' {mark} >&2
{run}env -i "$@" {fixed} /bin/sh -c 'exec "$@"' sh {words}
status=$?
printf '\\n%s %s\\n' {mark} "$status"
printf '\\n%s %s\\n' {mark} "$status" >&2
exit "$status"
"""


@dataclass(frozen=True)
class Framed:
    """A command in a form that every login shell can start.

    Attributes:
        line: the line for the login shell.
        script: the bytes that standard input must begin with.
        mark: the text that frames the command's output.
    """

    line: str
    script: bytes
    mark: str


def framed(command: Sequence[str], environment: Mapping[str, str] | None = None, streams: bool = False) -> Framed:
    """Frames a command.

    Args:
        command: the words of the command.
        environment: variables that the command gets beside those of the session.
        streams: whether the command replaces the shell, so that nothing follows its output.
    """
    mark = f"graft-{secrets.token_hex(8)}"
    fixed = shlex.join(f"{name}={value}" for name, value in {**_FIXED, **(environment or {})}.items())
    run = "exec " if streams else ""
    script = _SCRIPT.format(kept=" ".join(KEPT), mark=mark, run=run, fixed=fixed, words=shlex.join(command)).encode()
    return Framed(_LINE.format(path=_PATH, size=len(script)), script, mark)


def unframed(output: bytes, mark: str) -> tuple[bytes, int | None] | None:
    """Takes a command's output, and its exit status if that follows, out of what a session printed.

    Returns:
        None if the command was never started.
    """
    _, found, rest = output.partition(f"\n{mark}\n".encode())
    if not found:
        return None
    text, found, end = rest.rpartition(f"\n{mark} ".encode())
    if not found:
        return rest, None
    status = end.split(b"\n", 1)[0]
    return text, int(status) if status.isdigit() else None
