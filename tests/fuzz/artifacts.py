"""Model files as an attacker would make them: network, card, labels and golden photos changed, then joined again."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

from tests.fuzz.mutation import mutated, nasty_text

if TYPE_CHECKING:
    import random

_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 10**400, -0.0, 1e-320, 1e308, float("nan"), float("inf"), "", "0",
    "nan", "\n", "é" * 300, "x" * 100_000, [], [0] * 1000, {}, {"": {}}, [[[[]]]],
)  # fmt: skip
_MEMORY_BOMB = 64 << 20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


def changed(data: bytes, rng: random.Random) -> bytes:
    """A model file with one part changed; sometimes its network's digest is made to fit."""
    parts = _parts(data)
    if parts is None or rng.random() < 0.3:
        return mutated(data, [], rng)
    network, files = parts
    if rng.random() < 0.35:
        network = mutated(network, [], rng)
    else:
        _change_files(files, rng)
    if rng.random() < 0.5:
        files = _with_digest(network, files)
    return network + _joined(files, rng)


def _parts(data: bytes) -> tuple[bytes, dict[str, bytes]] | None:
    """The network and the files of the zip; None if the zip cannot be read."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            files = {entry.filename: archive.read(entry) for entry in entries if entry.file_size < _MEMORY_BOMB}
            return data[: min(entry.header_offset for entry in entries)], files
    except Exception:  # noqa: BLE001  each decompressor has errors of its own
        return None


def _change_files(files: dict[str, bytes], rng: random.Random) -> None:
    if not files:
        return
    name = rng.choice(sorted(files))
    if name.endswith(".json") and rng.random() < 0.8:
        files[name] = _changed_json(files[name], rng)
    elif rng.random() < 0.1:
        files[name] = bytes(rng.choice((1 << 16, _MEMORY_BOMB)))
    elif rng.random() < 0.1:
        del files[name]
    else:
        files[name] = rng.choice((mutated(files[name], [], rng), nasty_text(rng) + files[name]))


def _changed_json(text: bytes, rng: random.Random) -> bytes:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return mutated(text, [], rng)
    for _ in range(rng.randint(1, 3)):
        _change_value(value, rng)
    if rng.random() < 0.05:
        return b'{"format": 1, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    try:
        return json.dumps(value).encode()
    except ValueError:  # an integer of more digits than Python writes
        return text.replace(b"1", b"9" * 5000, 1)


def _change_value(value: Any, rng: random.Random) -> None:
    """Walks to a random place and puts something else there."""
    while True:
        if not isinstance(value, (dict, list)) or not value:
            return
        key = rng.choice(sorted(value)) if isinstance(value, dict) else rng.randrange(len(value))
        if not isinstance(value[key], (dict, list)) or not value[key] or rng.random() < 0.3:
            break
        value = value[key]
    if rng.random() < 0.15:
        del value[key]
    else:
        value[key] = copy.deepcopy(rng.choice(_VALUES))


def _with_digest(network: bytes, files: dict[str, bytes]) -> dict[str, bytes]:
    """The files with the digest of this network, wherever a JSON file of them keeps one."""
    fitting = dict(files)
    for name, text in files.items():
        if name.endswith(".json"):
            try:
                raw = json.loads(text)
                entry = raw["network"]
                entry["bytes"], entry["sha256"] = len(network), hashlib.sha256(network).hexdigest()
                fitting[name] = json.dumps(raw).encode()
            except (ValueError, LookupError, TypeError, RecursionError):
                continue
    return fitting


def _joined(files: dict[str, bytes], rng: random.Random) -> bytes:
    memory = io.BytesIO()
    method = rng.choice(
        (zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    )
    with zipfile.ZipFile(memory, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return memory.getvalue()
