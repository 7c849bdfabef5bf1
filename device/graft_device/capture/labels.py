"""Whether a text can be a label that names a folder."""

from __future__ import annotations

from graft_device.system.service_names import is_service_name

MOST_LABEL_BYTES = 60
"""Of a label in UTF-8."""


def refusal(label: str) -> str | None:
    """Why a text cannot be a label that names a folder; None if it can."""
    control = not label.isprintable() or "/" in label or "\\" in label
    refusals = {
        "the label is empty": not label.strip(),
        "the label begins or ends with a space": label != label.strip(),
        f"the label has more than {MOST_LABEL_BYTES} bytes": len(label.encode("utf-8", "replace")) > MOST_LABEL_BYTES,
        "the label has a slash, a backslash or a control character": control,
        "the label begins with a dot": label.startswith("."),
        "the label is the name of a folder in which systems keep their files": is_service_name(label),
    }
    return next((reason for reason, applies in refusals.items() if applies), None)
