"""What ``graft inspect`` prints. Names in a file may contain anything, so all are escaped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graft_device.model.memory import PHOTOS
from graft_device.text import printable
from graft_host.commands.terminal.console import table
from graft_host.tflite.card_entries import card_entries


def inspection_text(inspection: dict[str, Any]) -> str:
    """What ``graft inspect`` prints."""
    lines = [
        f"model      {printable(inspection['model'])} ({inspection['bytes'] / 1e6:.1f} MB)",
        f"sha256     {inspection['sha256']}",
        f"checksum   {'matches the network' if inspection['network_sha256'] else 'none: damage may go unnoticed'}",
        f"labels     {', '.join(map(printable, inspection['labels']))}",
        f"remembers  {_memory_line(inspection['memory'])}",
        *(f"{side:<10} {_tensor_line(tensor)}" for side in ("input", "output") for tensor in inspection[side]),
        *_metadata_lines(inspection["metadata"]),
        *(f"runtime    {_runtime_line(entry)}" for entry in inspection["runtimes"]),
        "",
        *(
            f"{printable('.'.join(('card', *keys)))}  {printable(value)}"
            for keys, value in card_entries(inspection["card"])
        ),
        "",
        table(
            ["operator", "version", "uses"],
            [[printable(op["name"]), str(op["version"]), str(op["count"])] for op in inspection["operators"]],
        ),
    ]
    return "\n".join(lines)


def _memory_line(memory: dict[str, Any] | None) -> str:
    if memory is None:
        return "nothing of its photos"
    what = "photos by their bottlenecks, which reveal something of them"
    return f"{memory['rows']:,} {what}" if memory["kind"] == PHOTOS else "the mean bottlenecks of its classes"


def _metadata_lines(metadata: dict[str, Any] | None) -> list[str]:
    if metadata is None:
        return ["metadata   none: other readers will not find the labels"]
    files = ", ".join(printable(name) for tensor in metadata["output"] for name in tensor["label_files"])
    scaling = [entry for tensor in metadata["input"] for entry in tensor["normalization"]]
    shown = ", ".join(map(_normalization, scaling)) or "pixels as they are"
    return [
        f"metadata   {printable(metadata['name'])}: {printable(metadata['description'])}",
        f"           {f'labels in {files}' if files else 'no label file'}; {shown}",
    ]


def _normalization(entry: dict[str, Any]) -> str:
    if not entry["mean"] or not entry["std"]:
        return "normalization without mean and standard deviation"
    return f"(pixel - {_numbers(entry['mean'])}) / {_numbers(entry['std'])}"


def _numbers(values: Sequence[float]) -> str:
    """One number, or one for each channel."""
    shown = ", ".join(f"{value:g}" for value in values)
    return shown if len(values) == 1 else f"({shown})"


def _runtime_line(entry: dict[str, Any]) -> str:
    verdict = "runs" if entry["runs"] else f"does not run: {printable(entry['why_not'])}"
    return f"{entry['runtime']} ({entry['how']}): {verdict}"


def _tensor_line(tensor: dict[str, Any]) -> str:
    shape = " x ".join(map(str, tensor["shape"]))
    scale = "" if tensor["scale"] is None else f", scale {tensor['scale']:.6g}, zero point {tensor['zero_point']}"
    return f"{printable(tensor['name'])}: {tensor['dtype']} {shape}{scale}"
