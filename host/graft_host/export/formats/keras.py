"""The float network as one ``.keras`` file."""

from __future__ import annotations

import contextlib
import zipfile
from pathlib import Path

from graft_device.model import CARD_NAME
from graft_host.export.format import Format, Image, Product, Source
from graft_host.support.destination import OutputKind
from graft_host.support.outside.packages import TENSORFLOW

_OF_AN_EXPORT = {CARD_NAME, "config.json"}  # ours, and Keras's own


def check_head(source: Source) -> None:
    """Raises ModelError if the head of the file cannot be read."""
    from graft_host.export.shipped_head import read_head

    read_head(source.model.path)


def _recognises(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with contextlib.suppress(zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
        return _OF_AN_EXPORT.issubset(archive.namelist())
    return False


KIND = OutputKind("export", "model.keras", "a .keras file that 'graft export' wrote", _recognises)


def _write(source: Source, folder: Path) -> Product:
    """Adds labels and card to the zip that Keras writes."""
    from graft_host.export.extras import extra_files
    from graft_host.export.float_network import build, description

    product = folder / "export.keras"
    build(source, FORMAT.name, folder / "head.npz", product)
    with zipfile.ZipFile(product, "a") as archive:
        for name, data in extra_files(source.model, description(source.model, FORMAT.name)).items():
            archive.writestr(name, data)
    return Product(path=product, image=Image(size=source.model.card.image_size))


FORMAT = Format(
    name="keras",
    help="one .keras file",
    suffix=".keras",
    suffix_reason="as Keras requires",
    packages=TENSORFLOW,
    kind=KIND,
    check=check_head,
    uses_weights=True,
    write=_write,
)
