"""Writes a model for use elsewhere, in one of several formats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from graft_device.errors import ExportError, os_reason
from graft_device.model import read_checked
from graft_host.backbones.weights.provenance import weights_of
from graft_host.export.format import Format, Image, Source, input_json, output_json
from graft_host.export.registry import format_of
from graft_host.export.staging import put_in_place, staging
from graft_host.support.destination import RunInput, check_replaceable, check_sources
from graft_host.support.outside.packages import check_packages
from graft_host.support.reporter import Reporter


@dataclass(frozen=True, kw_only=True)
class Exported:
    """An exported network on disk.

    Attributes:
        path: the file or the folder.
        format: the name of its format.
        bytes: size of everything that was written.
        labels: in the order of the output.
        image: the input of the network.
        next_steps: what to do with the export, as lines for a person; empty for nothing.
    """

    path: Path
    format: str
    bytes: int
    labels: tuple[str, ...]
    image: Image
    next_steps: str = ""

    def to_json(self) -> dict[str, Any]:
        """The files that were written, and the input and output of the network, as plain values."""
        return {
            "export": str(self.path),
            "format": self.format,
            "bytes": self.bytes,
            "labels": list(self.labels),
            "input": input_json(self.image),
            "output": output_json(self.labels, self.image.batch),
            **({"next_steps": self.next_steps} if self.next_steps else {}),
        }


def export(
    model: Path,
    output: Path,
    kind: str,
    weights: str | None = None,
    *,
    float_network: bool = False,
    overwrite: bool = False,
    reporter: Reporter | None = None,
) -> Exported:
    """Writes the network of a model, from pixels to probabilities, with its labels and model card.

    Keras builds a float network from float weights, with the head of the file; for an int8 file it has the rounding
    that it was shipped with. Such a network does not recognize unknown photos. ONNX has the numbers of the file.

    Args:
        model: a ``.tflite`` file that ``graft train`` wrote.
        output: the file or the folder to write.
        kind: the name of a format.
        weights: the value of ``--weights``; None to find them by the model card.
        float_network: whether ONNX is written in float32 although the file is int8.
        overwrite: whether an earlier export is replaced.
        reporter: receives a note and the progress of a download of weights; None for none.

    Raises:
        ModelError: graftkit did not write the file.
        WeightsError: the weights that it was made of cannot be found.
        ExportError: the format is not offered, what it needs is not installed, or the output cannot be written.
    """
    chosen = format_of(kind)
    if float_network and not chosen.takes_float:
        raise ExportError(f"--float makes no difference to {kind}", "leave it out")
    if chosen.packages is not None:
        check_packages(chosen.packages, f"exporting as {chosen.name}")
    source = Source(model=read_checked(model), float_network=float_network)
    read = [RunInput("model", model)]
    _check_place(output, chosen, read, overwrite=overwrite)
    chosen.check(source)
    if chosen.uses_weights:
        found = weights_of(source.model, weights, reporter)
        source = replace(source, weights=found)
        read += [RunInput("weights", found.path)] if found.path else []
    elif weights is not None:
        raise ExportError(f"{kind} takes no weights: all its numbers are in the model", "leave out --weights")
    check_sources(output, chosen.kind, read)
    target = output.resolve()  # a link stays a link
    try:
        with staging(target) as folder:
            product = chosen.write(source, folder)
            size = sum(path.stat().st_size for path in (product.path, *product.path.rglob("*")) if path.is_file())
            _check_place(output, chosen, read, overwrite=overwrite)  # it may have changed meanwhile
            put_in_place(product.path, target)
    except OSError as error:
        raise ExportError(
            f"cannot write {output}: {os_reason(error)}",
            f"free some space in {target.parent}, or give another name with -o",
        ) from error
    return Exported(
        path=output,
        format=kind,
        bytes=size,
        labels=source.model.labels,
        image=product.image,
        next_steps=chosen.next_steps(source, target),
    )


def _check_place(output: Path, chosen: Format, read: Sequence[RunInput], *, overwrite: bool) -> None:
    """Raises ExportError unless the export may be written there; only an earlier export is ever replaced."""
    if not output.parent.is_dir():
        raise ExportError(f"no such folder: {output.parent}", f"run: mkdir -p {output.parent}")
    if output.suffix != chosen.suffix and chosen.suffix:
        raise ExportError(
            f"{output} does not end with {chosen.suffix}, {chosen.suffix_reason}", "give another name with -o"
        )
    chosen.check_name(output.resolve())
    check_sources(output, chosen.kind, read)
    if not output.exists():
        return
    if not chosen.folder and not output.is_file():
        raise ExportError(f"{output} is not a regular file", "give another name with -o")
    if chosen.folder and not chosen.kind.recognises(output):
        raise ExportError(f"{output} is not {chosen.kind.own}", "give another name with -o")
    if not overwrite:
        raise ExportError(f"{output} exists", "give another name with -o, or --overwrite")
    if not chosen.folder:
        check_replaceable(output, chosen.kind)
