"""What ``graft inspect`` prints."""

from __future__ import annotations

from typing import Any

from graft_device import console
from graft_host.console import table


def inspection_report(found: dict[str, Any]) -> str:
    """What ``graft inspect`` prints."""
    lines = [
        f"model      {console.printable(found['model'])} ({found['bytes'] / 1e6:.1f} MB)",
        f"labels     {', '.join(found['labels'])}",
        *(f"{side:<10} {_tensor_line(tensor)}" for side in ("input", "output") for tensor in found[side]),
        *_metadata_lines(found["metadata"]),
        *(f"runtime    {_runtime_line(entry)}" for entry in found["runtimes"]),
        "",
        *_card_lines(found["card"]),
        "",
        table(
            ["operator", "version", "uses"],
            [[op["name"], str(op["version"]), str(op["count"])] for op in found["operators"]],
        ),
    ]
    return "\n".join(lines)


def _metadata_lines(metadata: dict[str, Any] | None) -> list[str]:
    if metadata is None:
        return ["metadata   none: other readers will not find the labels"]
    files = ", ".join(name for tensor in metadata["output"] for name in tensor["label_files"])
    scaling = [entry for tensor in metadata["input"] for entry in tensor["normalization"]]
    shown = (
        ", ".join(f"(pixel - {entry['mean'][0]:g}) / {entry['std'][0]:g}" for entry in scaling) or "pixels as they are"
    )
    return [f"metadata   {metadata['name']}: {metadata['description']}", f"           labels in {files}; {shown}"]


def _runtime_line(entry: dict[str, Any]) -> str:
    verdict = "runs" if entry["runs"] else f"does not run: {console.printable(entry['why_not'])}"
    return f"{entry['runtime']} ({entry['how']}): {verdict}"


def _card_lines(card: dict[str, Any], prefix: str = "card") -> list[str]:
    """The model card, a line for each value, named by its path."""
    lines: list[str] = []
    for name, value in card.items():
        path = f"{prefix}.{name}"
        lines += (
            _card_lines(value, path) if isinstance(value, dict) and value else [f"{path}  {console.printable(value)}"]
        )
    return lines


def _tensor_line(tensor: dict[str, Any]) -> str:
    shape = " x ".join(map(str, tensor["shape"]))
    scale = "" if tensor["scale"] is None else f", scale {tensor['scale']:.6g}, zero point {tensor['zero_point']}"
    return f"{tensor['name']}: {tensor['dtype']} {shape}{scale}"
