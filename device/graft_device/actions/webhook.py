"""Posts each event to a URL as JSON, signed, perhaps with its picture."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING

from graft_device.actions.delivery import BusyError, RefusedError
from graft_device.actions.posting import Poster, PostUrl
from graft_device.actions.signing import HEADER, signature
from graft_device.errors import GraftError
from graft_device.outputs.sink import Sink
from graft_device.system.clock import is_set

if TYPE_CHECKING:
    from collections.abc import Callable

    from graft_device.actions.posting import PostAnswer
    from graft_device.outputs.events import Event

_LATER = frozenset({408, 425, 429})
"""Request Timeout, Too Early, Too Many Requests: answers that are not about the event."""


class NotDeliveredError(GraftError):
    """The receiver has not taken the event."""


class Webhook(Sink):
    """Posts events as JSON; ``put`` blocks until the receiver has answered.

    The body is the event as ``--json`` prints it. With a picture, it also has the key ``picture``: a JPEG in Base64.
    """

    def __init__(
        self,
        name: str,
        to: PostUrl,
        timeout: float,
        secret: bytes | None,
        clock_set: Callable[[], bool] = is_set,
    ) -> None:
        """Connects to nothing.

        Args:
            name: what notes call the sink.
            to: the receiver.
            timeout: the seconds that an answer may take.
            secret: signs each request; None for no signature.
            clock_set: whether the clock is set, whose time is part of the signature.
        """
        self.name = f"{name} ({to.host})"
        self._poster = Poster(to, timeout)
        self._secret = secret
        self._clock_set = clock_set

    def put(self, event: Event) -> None:
        """Posts an event; an answer from 200 to 299 means that it is delivered.

        Raises:
            RefusedError: the receiver answers that the request is wrong (400 to 499, with exceptions).
            BusyError: it names a time at which it wants to be asked again.
            PostError: there is no answer.
            NotDeliveredError: any other answer; also one that the request is wrong while the time of the signature is.
        """
        body = _body(event)
        headers = {"Content-Type": "application/json", "X-Graft-Event": event.id, "Idempotency-Key": event.id}
        if self._secret is not None:
            headers[HEADER] = signature(self._secret, int(time.time()), body)
        answer = self._poster.post(body, headers)
        if answer.accepted:
            return
        error = _error(answer)
        if isinstance(error, RefusedError) and self._secret is not None and not self._clock_set():
            raise NotDeliveredError(f"{error}, perhaps since this board's clock is not set yet")
        raise error

    def close(self) -> None:
        """Does nothing: each event has its own connection."""


def _body(event: Event) -> bytes:
    values = event.to_json()
    if isinstance(event.photo, bytes):
        values["picture"] = base64.b64encode(event.photo).decode()
    return json.dumps(values).encode()


def _error(answer: PostAnswer) -> Exception:
    reason = f"it answers {answer.status} {answer.reason}".strip()
    if answer.retry_after is not None and answer.status in {429, 503}:
        return BusyError(reason, answer.retry_after)
    if 400 <= answer.status < 500 and answer.status not in _LATER:  # noqa: PLR2004
        return RefusedError(reason)
    if 300 <= answer.status < 400:  # noqa: PLR2004
        return NotDeliveredError(f"{reason}, which names another address", "write that address as the url")
    return NotDeliveredError(reason)
