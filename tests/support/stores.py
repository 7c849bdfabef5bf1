"""Models for the store of a board: with golden photos, signed, large, or broken on purpose."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from graft_device.model.golden import GOLDEN_NAME
from graft_device.model.packing import pack_zip
from graft_device.store.signatures import signature_file
from graft_device.store.slots import ID_LENGTH
from graft_host.evaluation.evaluate import Evaluation, evaluate
from graft_host.evaluation.golden import GoldenPack, golden_pack
from graft_host.photos.dataset import Photo
from graft_host.support import flatbuffer
from graft_host.tflite.metadata import add_metadata, archive
from tests.support.device_models import COLOURS, KERNEL, LABELS, make_card, network, picture
from tests.support.device_models import write_artifact as write_plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graft_host.heads.head import Array

PADDING = 1_000_000
"""Padding that makes a tiny network large enough for golden photos."""


def write_model(
    path: Path,
    gain: float = 1.0,
    photos: bool = False,
    kind: str = "int8",
    change: Mapping[str, bytes] | None = None,
) -> Path:
    """Writes a model with golden data, as ``graft train`` does.

    Args:
        path: the file.
        gain: of the head; another one is another model.
        photos: golden photos, for which the network is padded; else rendered pictures.
        kind: ``int8`` or ``float32``.
        change: entries of the zip that are put in the place of the right ones.
    """
    card = make_card(kind)
    net = add_metadata(padded(network(kind, kernel=KERNEL * np.float32(gain)), PADDING if photos else 0), card)
    pack = pack_of(path.parent, net, card, photos)
    path.write_bytes(net + archive(LABELS, card, {**pack.entries(), **(change or {})}))
    return path


def pack_of(folder: Path, net: bytes, card: Any, with_photos: bool = True) -> GoldenPack:
    """The golden data of a network that distinguishes colours, from photos that are written into a folder."""
    evaluation, photos = judged(folder, net, card)
    return golden_pack(net, archive(LABELS, card), evaluation, photos if with_photos else ())


def judged(folder: Path, net: bytes, card: Any) -> tuple[Evaluation, list[Photo]]:
    """The evaluation of a network on four pictures of each colour."""
    photos = []
    for index in range(4):
        for label, colour in enumerate(COLOURS):
            path = folder / f".{colour}{index}.png"
            pixels = np.asarray(picture(colour)).copy()
            pixels[: 4 + 4 * index] //= 2
            _save(path, pixels)
            photos.append(Photo(path=path, label=label, digest=hashlib.sha256(path.read_bytes()).hexdigest()))
    candidate = folder / ".candidate.tflite"
    candidate.write_bytes(net + archive(LABELS, card))
    return evaluate(candidate, photos, LABELS, 1, lambda *_: None), photos


def padded(net: bytes, size: int) -> bytes:
    """A network with the given number of unused bytes added."""
    if not size:
        return net
    model = flatbuffer.unpack(net, "a network")
    buffer = schema.BufferT()
    buffer.data = np.zeros(size, np.uint8)
    model.buffers.append(buffer)
    return flatbuffer.pack(model)


def write_wrong(path: Path) -> Path:
    """Writes a model that runs, but whose scores differ from its golden data."""
    right = write_model(path, 1.0)
    golden = _entries(right)[GOLDEN_NAME]
    wrong_kernel: Array = KERNEL[:, [1, 2, 0]]
    return write_plain_with(path, wrong_kernel, golden)


def write_plain_with(path: Path, kernel: Array, golden: bytes) -> Path:
    """Writes a model with the golden data of another one, except for the network's checksum, which is correct."""
    card = make_card()
    net = add_metadata(network(kernel=kernel), card)
    raw = json.loads(golden)
    raw["network"] = {"bytes": len(net), "sha256": hashlib.sha256(net).hexdigest()}
    path.write_bytes(net + archive(LABELS, card, {GOLDEN_NAME: json.dumps(raw).encode()}))
    return path


def write_crashing(path: Path) -> Path:
    """Writes a model whose flatbuffer is garbage after its first bytes."""
    good = write_plain(path, checksum=False)
    entries = _entries(good)
    net = path.read_bytes()[: good.stat().st_size - len(pack_zip(entries))]
    path.write_bytes(net[:8] + b"\xff" * (len(net) - 8) + pack_zip(entries))
    return path


def write_unknown_to_runtimes(path: Path, model: Path) -> Path:
    """Writes a model whose network no runtime opens, with a checksum that fits it; only a trial finds it out."""
    entries = _entries(model)
    net = model.read_bytes()[: model.stat().st_size - len(pack_zip(entries))]
    net = net[:200] + bytes(400) + net[600:]
    raw = json.loads(entries[GOLDEN_NAME])
    raw["network"] = {"bytes": len(net), "sha256": hashlib.sha256(net).hexdigest()}
    path.write_bytes(net + pack_zip({**entries, GOLDEN_NAME: json.dumps(raw).encode()}))
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def slot_id(path: Path) -> str:
    return sha256(path)[:ID_LENGTH]


def make_key(path: Path) -> Path:
    """Makes an SSH key without a passphrase."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "tests", "-f", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path


def allow(path: Path, **keys: Path) -> Path:
    """Writes a list of allowed signers, given by name with their private keys."""
    lines = [f'{who}@example.com namespaces="graftkit" {Path(f"{key}.pub").read_text()}' for who, key in keys.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(lines))
    return path


def ssh_sign(model: Path, key: Path, namespace: str = "graftkit") -> Path:
    """Signs a file with ``ssh-keygen`` alone, as somebody without graftkit would."""
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", str(key)]
    done = subprocess.run(command, input=model.read_bytes(), check=True, capture_output=True)
    signature = signature_file(model)
    signature.write_bytes(done.stdout)
    return signature


def _entries(path: Path) -> dict[str, bytes]:
    import zipfile

    with zipfile.ZipFile(path) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def _save(path: Path, pixels: Any) -> None:
    from PIL import Image

    Image.fromarray(pixels).save(path)
