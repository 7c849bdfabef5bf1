"""The section of a report that shows photos: the mistakes and the least confident correct ones."""

from __future__ import annotations

from collections.abc import Sequence

from graft_host.report import statistics as report_statistics
from graft_host.report.data import LETTERS, ReportData, relative
from graft_host.report.page import name, percent, section
from graft_host.report.thumbnails import picture

MAX_PHOTOS = 24
"""The largest number of thumbnails in a report."""


def mistakes(data: ReportData) -> str:
    """The section with the worst mistakes, followed by the least confident correct photos if there is room."""
    wrong = report_statistics.worst_mistakes(data.evaluation)
    near = report_statistics.least_confident(data.evaluation)[: max(0, MAX_PHOTOS - len(wrong))]
    body = ""
    if wrong:
        first = f" (the first {MAX_PHOTOS} of {len(wrong):,})" if len(wrong) > MAX_PHOTOS else ""
        body += f"<p>Photos that the model got wrong, the highest scores first{first}. Is the photo in the right "
        body += f"folder?</p>{_gallery(data, wrong[:MAX_PHOTOS])}"
    if near:
        lead = "Correct, but with the lowest scores" if wrong else "No mistakes on these photos; the lowest scores"
        body += f"<h3>{lead}</h3>{_gallery(data, near)}"
    return section("mistakes", "Worst mistakes" if wrong else "Lowest scores", "photos", body)


def _gallery(data: ReportData, indexes: Sequence[int]) -> str:
    return f'<ul class="gallery">{"".join(_photo(data, index) for index in indexes)}</ul>'


def _photo(data: ReportData, index: int) -> str:
    evaluation = data.evaluation
    truth, predicted = int(evaluation.truth[index]), int(evaluation.predicted[index])
    true_label, predicted_label = evaluation.labels[truth], evaluation.labels[predicted]
    scored = evaluation.scores[index]
    file = relative(evaluation.paths[index], data.photos)
    description = (
        f"{file}: {true_label}" if truth == predicted else f"{file}: {true_label}, taken for {predicted_label}"
    )
    image = picture(evaluation.paths[index], description)
    line = f"<dt>predicted</dt><dd>{name(predicted_label, LETTERS)} <b>{percent(float(scored[predicted]))}</b></dd>"
    if truth != predicted:
        line += f"<dt>true</dt><dd>{name(true_label, LETTERS)} <b>{percent(float(scored[truth]))}</b></dd>"
    remark = "" if data.named[index] else '<p class="quiet">the board calls it unknown</p>'
    kind = "right" if truth == predicted else "wrong"
    caption = f'<figcaption><dl>{line}</dl>{remark}<p class="quiet">{name(file, LETTERS)}</p></figcaption>'
    return f'<li class="{kind}"><figure>{image}{caption}</figure></li>'
