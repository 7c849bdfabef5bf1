"""The section about what the head reads of the network, and what that was chosen from."""

from __future__ import annotations

from collections.abc import Mapping

from graft_host.report.data import ReportData, number
from graft_host.report.page import count, name, percent, section, table, text


def readout(data: ReportData) -> str:
    """The section with the readouts that were judged; empty for a model that was made without a choice."""
    kept = data.model.card.training.get("readout")
    candidates = kept.get("candidates") if isinstance(kept, Mapping) else None
    if not isinstance(candidates, (list, tuple)) or not candidates or not isinstance(kept, Mapping):
        return ""
    rows = []
    for one in candidates:
        loss, share = number(one, "log_loss"), number(one, "accuracy")
        tap = name(one.get("tap")) if isinstance(one, Mapping) else ""
        if tap and loss is not None and share is not None:
            chosen = "chosen" if one.get("tap") == kept.get("chosen") else ""
            rows.append([tap, f"{loss:.3f}", percent(share), chosen])
    judged = number(kept, "photos")
    on = "" if judged is None else f" on {count(int(judged), 'training and validation photo')}"
    body = (
        f"<p>The head reads {name(kept.get('chosen'))}. It was chosen by cross-validation{text(on)}: the simplest one "
        "whose log loss is as good as the smallest, up to half a standard error or 0.02. Test photos had no part in "
        "it.</p>"
    )
    body += table(["Readout", "Log loss", "Accuracy", ""], rows, "Readouts that were judged", "files judged")
    return section("readout", "What the head reads", "readout, taps", body)
