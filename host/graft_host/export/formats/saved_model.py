"""The float network as a SavedModel, the folder that TensorFlow reads."""

from __future__ import annotations

from pathlib import Path

from graft_device.model import CARD_NAME
from graft_host.export.format import Format, Image, Product, Source
from graft_host.export.formats.keras import check_head
from graft_host.support.destination import OutputKind
from graft_host.support.outside.packages import TENSORFLOW

_EXTRA = "assets.extra"
"""The folder of a SavedModel for files that TensorFlow ignores."""


def _recognises(folder: Path) -> bool:
    return (folder / "saved_model.pb").is_file() and (folder / _EXTRA / CARD_NAME).is_file()


_KIND = OutputKind("export", "saved_model", "a SavedModel that 'graft export' wrote", _recognises)


def _write(source: Source, folder: Path) -> Product:
    from graft_host.export.extras import extra_files
    from graft_host.export.float_network import build, description

    product = folder / "export"
    build(source, FORMAT.name, folder / "head.npz", product)
    (product / _EXTRA).mkdir()
    for name, data in extra_files(source.model, description(source.model, FORMAT.name)).items():
        (product / _EXTRA / name).write_bytes(data)
    return Product(path=product, image=Image(size=source.model.card.image_size))


FORMAT = Format(
    name="saved-model",
    help="a folder for TensorFlow",
    folder=True,
    packages=TENSORFLOW,
    kind=_KIND,
    check=check_head,
    uses_weights=True,
    write=_write,
)
