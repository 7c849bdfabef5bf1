"""Model files that are damaged or made to do harm."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

from graft_device.model import CARD_NAME, LABELS_NAME
from tests.support.device_models import make_card, network

if TYPE_CHECKING:
    from pathlib import Path

NETWORK = network()
CARD = json.loads(make_card().to_json())


def card_text(**changes: Any) -> bytes:
    """A card's text with fields changed."""
    return json.dumps({**CARD, **changes}).encode()


def card_with(value: str, *keys: str) -> bytes:
    """A card's text with one value, given as it is written in JSON, at the place that the keys lead to."""
    changed = json.loads(json.dumps(CARD))
    inner = changed
    for key in keys[:-1]:
        inner = inner.setdefault(key, {})
    inner[keys[-1]] = "PLACE"
    return json.dumps(changed).replace('"PLACE"', value).encode()


def write_files(path: Path, files: dict[str, bytes], net: bytes = NETWORK, method: int = zipfile.ZIP_DEFLATED) -> Path:
    """Writes a network with a zip of files behind it; labels and card are right unless given."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", method) as packed:
        for name, data in {LABELS_NAME: b"red\ngreen\nblue\n", CARD_NAME: card_text(), **files}.items():
            packed.writestr(name, data)
    path.write_bytes(net + memory.getvalue())
    return path


def write_bomb(path: Path, name: str, size: int, declared: int | None = None) -> Path:
    """Writes a model one of whose entries unpacks to ``size`` zeros, which its directory may declare to be fewer."""
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = bytes(1 << 20)
    data = b"".join([packed.compress(block) for _ in range(size >> 20)]) + packed.flush()
    entries = {LABELS_NAME: b"red\ngreen\nblue\n", CARD_NAME: card_text()}
    parts, directory, offset = [NETWORK], [], len(NETWORK)
    for entry, content in {**entries, name: data}.items():
        method, stored = (8, content) if entry == name else (0, content)
        length = (size if declared is None else declared) if entry == name else len(content)
        crc = 0 if entry == name else zlib.crc32(content)
        fields = struct.pack("<HHHHHIIIHH", 20, 0, method, 0, 33, crc, len(stored), length, len(entry), 0)
        parts += [b"PK\x03\x04", fields, entry.encode(), stored]
        extra = struct.pack("<HHHII", 0, 0, 0, 0, offset - len(NETWORK))
        directory.append(b"PK\x01\x02" + struct.pack("<H", 20) + fields + extra + entry.encode())
        offset += 4 + len(fields) + len(entry) + len(stored)
    listing = b"".join(directory)
    end = struct.pack("<HHHHIIH", 0, 0, len(directory), len(directory), len(listing), offset - len(NETWORK), 0)
    path.write_bytes(b"".join([*parts, listing, b"PK\x05\x06", end]))
    return path
