"""The album as the page gets it: compact, since it may have many thousands of photos."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from graft_host.studio.album.state import AlbumClass, AlbumState
from graft_host.studio.ui.photos.hints import next_hint


def content_of(state: AlbumState) -> bytes:
    """The album as JSON, with ids and versions of photos as two lists of the same length per class."""
    hint = next_hint(
        {one.label: len(one.photos) for one in state.classes}, len(state.unknown.photos) if state.unknown else 0
    )
    content = {
        "revision": state.revision,
        "classes": [_class(one) for one in state.classes],
        "unknown": _class(state.unknown) if state.unknown else None,
        "binned": state.binned,
        "undo": asdict(state.undo_change) if state.undo_change else None,
        "redo": asdict(state.redo_change) if state.redo_change else None,
        "refused": list(state.refused),
        "hint": {"key": hint.key, "values": hint.values, "trainable": hint.trainable},
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _class(one: AlbumClass) -> dict[str, Any]:
    return {
        "label": one.label,
        "ids": [photo.id for photo in one.photos],
        "versions": [photo.version for photo in one.photos],
    }
