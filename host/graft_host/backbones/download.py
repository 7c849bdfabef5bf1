"""Downloads the ImageNet weights into Keras's cache; ``imagenet`` runs this module in a process of its own."""

from __future__ import annotations

import socket
from typing import Any

from graft_host.support.isolated import serve
from graft_host.support.progress import Progress

_TIMEOUT_SECONDS = 20  # without an answer, as behind a firewall that drops packets


def download(request: dict[str, Any], progress: Progress) -> None:  # noqa: ARG001  Keras reports none
    """Downloads the file of a request from ``imagenet.fetch``."""
    import keras

    socket.setdefaulttimeout(_TIMEOUT_SECONDS)
    keras.utils.get_file(
        request["file"], request["origin"], cache_subdir="models", file_hash=request["md5"], hash_algorithm="md5"
    )


if __name__ == "__main__":
    serve(download)
