"""The section of a report on photos from elsewhere: what they gave, what they weigh, and which are like the target."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graft_host.evaluation.accuracy import Estimate
from graft_host.report.data import LETTERS, ReportData, number
from graft_host.report.page import bar, count, facts, name, percent, section, table, text
from graft_host.report.thumbnails import picture

_HEADS = {"target_alone": "target alone", "source_alone": "source alone", "both": "both"}
_FIVE = 5  # the least weight, three quartiles, and the greatest


def elsewhere(data: ReportData) -> str:
    """The section on source photos and on known shares of classes; empty where there were none in training."""
    run, card = data.training or {}, data.model.card.training
    sources, prior = (run.get(key) or card.get(key) for key in ("sources", "prior"))
    parts = [_sources(sources) if isinstance(sources, Mapping) else "", _prior(prior, data)]
    body = "".join(parts)
    if not body:
        return ""
    heading = "What the source photos gave" if parts[0] else "The classes at the place"
    return section("sources", heading, "photos from elsewhere", body)


def _sources(sources: Mapping[str, Any]) -> str:
    accuracy = sources.get("accuracy")
    rows = []
    for key, label in _HEADS.items():
        given = accuracy.get(key) if isinstance(accuracy, Mapping) else None
        estimate = Estimate.read({"cross_validated": given})
        if estimate is not None:
            shown = f"{percent(estimate.accuracy)}{bar(estimate.accuracy)}"
            rows.append([text(label), shown, f"{percent(estimate.low)} to {percent(estimate.high)}"])
    body = ""
    if rows:
        folds = isinstance(accuracy, Mapping) and accuracy.get("cross_validated")
        on = "on all photos of the target, each held out in turn" if folds else "on the target&rsquo;s test photos"
        body = (
            f"<p>Three heads, {on}: trained on photos of the target alone, on source photos alone, and on both, as the "
            "model&rsquo;s is. All other figures on this page are of the target alone, too.</p>"
        )
        body += table(
            ["Trained on", "Accuracy", "95% interval"], rows, "Heads with and without source photos", "classes"
        )
    return body + facts(_facts(sources), "rows") + _galleries(sources)


def _facts(sources: Mapping[str, Any]) -> list[tuple[str, str]]:
    pairs = []
    if (photos := number(sources, "photos")) is not None:
        pairs.append(("Source photos", count(int(photos), "photo")))
    folders = sources.get("folders")
    if isinstance(folders, list):
        pairs += [("From", name(folder.get("path"))) for folder in folders if isinstance(folder, Mapping)]
    if (copies := number(sources, "camera_copies")) is not None:
        pairs.append(("Copies of each, as a bad camera would take it", f"{int(copies)}"))
    if sources.get("matched"):
        pairs.append(("Copies of each that look like photos of the place", "1"))
    rules = {
        "equal": "the same for all, together as much as the target&rsquo;s photos",
        "density": "by the ratio of densities in the target and in the source, together as much as the target&rsquo;s",
    }
    weight = sources.get("weight")
    if isinstance(weight, Mapping):
        pairs.append(("Weight", rules.get(str(weight.get("rule")), "the same for all")))
        quantiles = weight.get("quantiles")
        values = [number({"value": value}, "value") for value in quantiles] if isinstance(quantiles, list) else []
        if len(values) == _FIVE and None not in values:
            least, low, middle, high, most = (f"{value:.3g}" for value in values)
            shown = least if least == most else f"{least} to {most}; median {middle}, half of them {low} to {high}"
            pairs.append(("Weight of a photo, where one of the target has 1", shown))
        if (effective := number(weight, "effective_photos")) is not None:
            pairs.append(("Count like so many photos of equal weight", f"{effective:.0f}"))
    return pairs


def _galleries(sources: Mapping[str, Any]) -> str:
    weight = sources.get("weight")
    weighed = isinstance(weight, Mapping) and weight.get("rule") == "density"
    leads = {
        "most": "Weigh most: they look most like the target" if weighed else "Most like the target",
        "least": "Weigh least: they look least like the target" if weighed else "Least like the target",
    }
    shown = ""
    for key, lead in leads.items():
        photos = sources.get(key)
        if isinstance(photos, list) and photos:
            items = "".join(_photo(photo) for photo in photos if isinstance(photo, Mapping))
            shown += f'<h3>{lead}</h3><ul class="gallery">{items}</ul>'
    return shown


def _photo(photo: Mapping[str, Any]) -> str:
    path, weight = Path(str(photo.get("path"))), number(photo, "weight")
    file = f"{path.parent.name}/{path.name}"
    line = "" if weight is None else f"<dt>weight</dt><dd><b>{weight:.3g}</b></dd>"
    caption = f'<figcaption><dl>{line}</dl><p class="quiet">{name(file, LETTERS)}</p></figcaption>'
    return f"<li><figure>{picture(path, file)}{caption}</figure></li>"


def _prior(prior: object, data: ReportData) -> str:
    """The shares of classes at the place, and the accuracy weighted to them."""
    shares = prior.get("shares") if isinstance(prior, Mapping) else None
    if not isinstance(prior, Mapping) or not isinstance(shares, Mapping):
        return ""
    rows = [
        [name(label, LETTERS), *(_share(prior, key, label) for key in ("shares", "trained"))] for label in shares
    ]  # fmt: skip
    lead = (
        "<p>The scores are shifted to the shares of the classes at the place. All figures are of the photos as they are"
    )
    if (accuracy := _at_place(shares, data)) is not None:
        lead += f"; weighted to these shares, the file is right on <b>{percent(accuracy)}</b>"
    header = ["Class", "At the place", "In training"]
    return f"{lead}.</p>{table(header, rows, 'Shares of the classes', 'classes')}"


def _at_place(shares: Mapping[str, Any], data: ReportData) -> float | None:
    """The recalls of the classes, weighted to their shares at the place; None if a class has no photo here."""
    recalls = {label: row["recall"] for label, row in data.evaluation.per_class().items() if row["support"]}
    values = {label: number(shares, label) for label in shares}
    if not recalls.keys() >= values.keys() or None in values.values():
        return None
    return sum((value or 0.0) * recalls[label] for label, value in values.items())


def _share(prior: Mapping[str, Any], key: str, label: str) -> str:
    share = number(prior, key, label)
    return "" if share is None else f"{percent(share)}{bar(share)}"
