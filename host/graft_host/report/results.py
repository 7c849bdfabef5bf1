"""The sections of a report on how good the model is; each function turns the data into HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_host.backbones.registry import title_of_card
from graft_host.evaluation.accuracy import FEW_TEST_PHOTOS, Estimate
from graft_host.evaluation.evaluate import Evaluation
from graft_host.report import score_plots
from graft_host.report import statistics as report_statistics
from graft_host.report.confusion_plot import NAMED_CLASSES, confusion_matrix
from graft_host.report.data import LETTERS, ReportData, day, megabytes, number
from graft_host.report.page import bar, count, facts, figure, name, percent, section, table, text
from graft_host.support.intervals import wilson_interval

_MAX_PAIRS = 10
_MAX_ROWS = 20  # with more classes, the full table is folded away
_MAX_NAMED = 8
_PAIRED_CLASSES = 6  # with more, the confusion matrix takes the whole width
_NONE = '<span class="none">&ndash;</span>'


def head(data: ReportData) -> str:
    """The head of the report: the model, its accuracy and the confidence interval."""
    evaluation, card = data.evaluation, data.model.card
    total = len(evaluation.truth)
    hits = int((evaluation.predicted == evaluation.truth).sum())
    low, high = wilson_interval(hits, total)
    kind = "test photo" if data.part == "test" else "photo"
    of_these = {total: f"all {count(total, kind)}", 0: f"none of {count(total, kind)}"}
    correct = of_these.get(hits, f"{hits:,} of {count(total, kind)}")
    source = (
        "Training kept these photos aside and never saw them."
        if data.part == "test"
        else "These are all photos in the folder. If the model was trained on some of them, the figures are too good."
    )
    commonest = int(np.bincount(evaluation.truth).argmax())
    guess = (
        f"Always answering “{name(evaluation.labels[commonest], LETTERS)}” would be right on "
        f"{percent(float(np.mean(evaluation.truth == commonest)))}."
    )
    tiles = [
        ("Tested on", count(total, "photo")),
        *([] if data.speed is None else [("One inference here", f"{data.speed.ms:.1f} ms")]),
        ("File", megabytes(data.model.bytes)),
        ("Input", f"{card.image_size} &times; {card.image_size}"),
        ("Quantization", text(card.quantization)),
        ("Network", text(title_of_card(card.backbone.get("name")))),
        ("Tap", text(card.tap)),
        *([] if card.fine_tuned_behind is None else [("Fine-tuned behind", text(card.fine_tuned_behind))]),
        *([] if data.made is None else [("Made", text(day(data.made)))]),
    ]
    share, title = hits / total, f"{correct[0].upper()}{correct[1:]} classified correctly"
    basis, reason = count(total, "photo"), f"{guess} {source}"
    if (estimate := _cross_validated(data)) is not None:
        reason = (
            f"The file itself classifies {correct} correctly, which are too few for a figure. So every photo was "
            f"classified by a head that was trained like the model&rsquo;s, without that photo. {guess}"
        )
        share, low, high, basis = estimate.accuracy, estimate.low, estimate.high, count(estimate.photos, "photo")
        title = f"Cross-validated on {basis}"
    return (
        f'<header><p class="kicker">graftkit report</p><h1>{name(data.model.path.stem, LETTERS)}</h1>'
        f'<p class="labels">{_classes_line(evaluation.labels)}</p></header>'
        f'<section class="hero" aria-labelledby="hero-h"><div><p class="figure">{percent(share)}</p>'
        f'<h2 id="hero-h">{title}</h2></div><div>'
        f"{_interval_bar(share, low, high)}<p>On many more photos like these, expect between "
        f"<strong>{percent(low)}</strong> and <strong>{percent(high)}</strong>: the 95% interval that "
        f"{basis} allow (Wilson&rsquo;s score interval). {reason}</p></div></section>"
        f"{facts(tiles, 'facts tiles')}"
    )


def _cross_validated(data: ReportData) -> Estimate | None:
    """The cross-validated accuracy from the run or the card; None if the photos of this page are a better basis."""
    if data.part != "test" or len(data.evaluation.truth) >= FEW_TEST_PHOTOS:
        return None
    return Estimate.read((data.training or data.model.card.training).get("accuracy"))


def confusion(data: ReportData) -> str:
    """The section with the confusion matrix and the most frequent mistakes."""
    evaluation = data.evaluation
    named = data.named
    matrix = replace(evaluation, truth=evaluation.truth[named], scores=evaluation.scores[named]).confusion
    refused = np.bincount(evaluation.truth[~named], minlength=len(evaluation.labels))
    drawing = confusion_matrix(matrix, evaluation.labels, refused if data.threshold else None)
    numbered = len(evaluation.labels) > NAMED_CLASSES
    caption = "One row per true class, one column per predicted class. Blue is correct, orange is a mistake; the "
    caption += "stronger the colour, the larger the share of the row."
    if numbered:
        caption += " Classes are numbered as in the table below."
    if data.threshold:
        caption += " In the last column are the photos that the board calls unknown because no label scores "
        caption += f"{percent(data.threshold)}; {_named_anyway(evaluation, ~named)}."
    pairs = report_statistics.confused_pairs(matrix)
    support = evaluation.confusion.sum(axis=1)
    names = [name(label, LETTERS) for label in evaluation.labels]
    lines = "".join(
        f"<li><span>{names[truth]} taken for {names[predicted]}</span>"
        f'<span class="quiet">{photos:,} of {count(int(support[truth]), "photo")}</span></li>'
        for truth, predicted, photos in pairs[:_MAX_PAIRS]
    )
    shown = f'<ol class="pairs">{lines}</ol>' if pairs else "<p>The model confused no classes on these photos.</p>"
    more = len(pairs) - _MAX_PAIRS
    shown += f'<p class="quiet">and {count(more, "less frequent mistake")}</p>' if more > 0 else ""
    layout = "pair" if len(evaluation.labels) <= _PAIRED_CLASSES else "stack"
    body = f'<div class="{layout}">{figure(drawing, caption)}<div><h3>Most frequent mistakes</h3>{shown}</div></div>'
    return section("confusion", "Which classes it confuses", "confusion matrix", body)


def classes(data: ReportData) -> str:
    """The section with precision, recall and F1 of each class; with many classes, the weakest come first."""
    evaluation = data.evaluation
    rows = [
        _class_row(index, label, row, predicted, len(evaluation.labels))
        for index, ((label, row), predicted) in enumerate(
            zip(evaluation.per_class().items(), evaluation.confusion.sum(axis=0).tolist(), strict=True)
        )
    ]
    header = ["Class", "Precision", "Recall", "F1", "Photos"]
    note = (
        "<p>Precision: the share of photos predicted as this class that really belong to it. Recall: the share of this "
        "class&rsquo;s photos that were predicted as such. F1: the harmonic mean of both."
    )
    note += f"{' A photo counts for its best label, even if the board calls it unknown.' if data.threshold else ''}</p>"
    if len(rows) <= _MAX_ROWS:
        shown = table(header, rows, "Precision, recall and F1 of each class", "classes")
    else:
        figures = list(evaluation.per_class().values())
        present = [index for index, row in enumerate(figures) if row["support"]]
        weakest = sorted(present, key=lambda index: (figures[index]["f1"], index))[:_MAX_PAIRS]
        shown = table(header, [rows[index] for index in weakest], "The classes with the lowest F1", "classes")
        everything = table(header, rows, "Precision, recall and F1 of each class", "classes")
        shown += f"<details><summary>All {len(rows)} classes</summary>{everything}</details>"
    return section("classes", "Class by class", "precision, recall, F1", note + shown)


def scores(data: ReportData) -> str:
    """The section on scores: whether they match the accuracy, and what the threshold refuses."""
    evaluation, card = data.evaluation, data.model.card
    top, right = evaluation.scores.max(axis=1), evaluation.predicted == evaluation.truth
    threshold = data.threshold or None
    named = data.named  # the score of a photo that is called unknown makes no claim
    reliability = report_statistics.reliability(evaluation.scores[named], evaluation.truth[named])
    reliable = (
        "Of the photos with a score of 80%, 80% should be correct; the dots are then on the dashed line. Below the "
        "line the model is overconfident, above it underconfident. The bars behind the dots are 95% intervals, which "
        "are long where photos are few. On average, score and accuracy are "
        f"<strong>{100 * reliability.error:.1f} percentage points</strong> apart (expected calibration error "
        f"{reliability.error:.3f}; Guo et al. 2017, {len(reliability.counts)} bins). {_chance(reliability)}"
    )
    if not named.all():
        reliable += " Photos that are called unknown are left out."
    spread = "A good model scores high where it is right and low where it is wrong. The two scales differ."
    if threshold is not None:
        spread += f" {_refused(top, right, threshold, card.thresholds)}"
    body = (
        f'<div class="pair">{figure(score_plots.reliability_diagram(reliability), reliable)}'
        f"{figure(score_plots.score_histogram(top, right, threshold), spread)}</div>{_temperature(card.training)}"
    )
    return section("scores", "How far to trust the scores", "reliability diagram, top score", body)


def _named_anyway(evaluation: Evaluation, unknown: NDArray[np.bool_]) -> str:
    if not unknown.any():
        return "here there are none"
    right = int((evaluation.predicted == evaluation.truth)[unknown].sum())
    return f"for {right:,} of these {int(unknown.sum()):,} the best label is the right one"


def _classes_line(labels: Sequence[str]) -> str:
    named = ", ".join(name(label, LETTERS) for label in labels[:_MAX_NAMED])
    more = len(labels) - _MAX_NAMED
    return f"{count(len(labels), 'class', 'classes').capitalize()}: {named}" + (
        f" and {more:,} more" if more > 0 else ""
    )


def _interval_bar(share: float, low: float, high: float) -> str:
    return (
        '<div class="interval" aria-hidden="true"><span class="track">'
        f'<i style="left:{100 * low:.1f}%;width:{100 * (high - low):.1f}%"></i><b style="left:{100 * share:.1f}%"></b>'
        '</span><span class="ends"><span>0%</span><span>50%</span><span>100%</span></span></div>'
    )


def _class_row(index: int, label: str, row: Mapping[str, float], predicted: int, size: int) -> list[str]:
    place = f'<span class="quiet">{index + 1}</span> ' if size > NAMED_CLASSES else ""
    support = int(row["support"])
    defined = {"precision": predicted > 0, "recall": support > 0, "f1": predicted + support > 0}
    cells = [f"{percent(row[key])}{bar(row[key])}" if is_defined else _NONE for key, is_defined in defined.items()]
    return [f"{place}{name(label, LETTERS)}", *cells, f"{support:,}"]


def _refused(
    top: NDArray[np.float32], right: NDArray[np.bool_], threshold: float, thresholds: Mapping[str, Any]
) -> str:
    below = top < threshold
    kept = int((right & ~below).sum())
    sentences = (
        f"Below <strong>{percent(threshold)}</strong> the board reports “unknown”. This affects "
        f"{int(below.sum()):,} of {count(len(top), 'photo')} ({percent(float(below.mean()))}), of which "
        f"{int((below & right).sum()):,} would be correct and {int((below & ~right).sum()):,} wrong. Of the others, "
        f"{kept:,} of {int((~below).sum()):,} are correct."
    )
    promised, used = number(thresholds, "unknown", "false_rejection_rate"), number(thresholds, "unknown", "photos")
    if promised is not None and used is not None:
        sentences += f" The threshold was set on {count(int(used), 'photo')}, so that at most {percent(promised)} of "
        sentences += "photos of these classes are refused."
    return sentences


def _chance(reliability: report_statistics.Reliability) -> str:
    """What a perfectly calibrated model would show on as many photos."""
    photos, chance = int(reliability.counts.sum()), reliability.by_chance
    if not photos:
        return ""
    verdict = "no sign that they differ" if reliability.error <= chance.high else "more than chance explains"
    return (
        f"Chance is part of it: on {count(photos, 'photo')} a perfectly calibrated model shows {100 * chance.mean:.1f} "
        f"points, and {100 * chance.low:.1f} to {100 * chance.high:.1f} in 95 of 100 cases. So this is {verdict}."
    )


def _temperature(training: Mapping[str, Any]) -> str:
    temperature = number(training, "calibration", "temperature")
    if temperature is None:
        return ""
    pairs = [("Temperature", f"{temperature:.3g}" if temperature != 1 else "1: no other helps")]
    before, after = (number(training, "calibration", "ece", key) for key in ("before", "after"))
    if before is not None and after is not None:
        pairs.append(("Calibration error before → after, on the test photos", f"{before:.3f} → {after:.3f}"))
    mean, low, high = (number(training, "calibration", "ece", "by_chance", key) for key in ("mean", "low", "high"))
    if mean is not None and low is not None and high is not None:
        pairs.append(("By chance", f"{mean:.3f} ({low:.3f} to {high:.3f})"))
    if (used := number(training, "calibration", "photos")) is not None:
        pairs.append(("Photos used to set it", f"{int(used):,}"))
    return f"<h3>Temperature scaling of the scores</h3>{facts(pairs)}"
