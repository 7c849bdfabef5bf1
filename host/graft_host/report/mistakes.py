"""The part of a report that shows photos: those that were named wrong, or nearly were."""

from __future__ import annotations

from collections.abc import Sequence

from graft_host.report import statistics as report_statistics
from graft_host.report.data import LETTERS, ReportData, relative
from graft_host.report.page import name, percent, section
from graft_host.report.photos import picture

MAX_PHOTOS = 24
"""Thumbnails in a report."""


def mistakes(data: ReportData) -> str:
    """The photos that it got wrong, or nearly did."""
    wrong = report_statistics.worst_mistakes(data.evaluation)
    near = report_statistics.least_sure(data.evaluation)[: max(0, MAX_PHOTOS - len(wrong))]
    body = ""
    if wrong:
        first = f" (the first {MAX_PHOTOS} of {len(wrong):,})" if len(wrong) > MAX_PHOTOS else ""
        body += f"<p>Photos that it named wrong, those first of which it was surest{first}. Is the photo in the right "
        body += f"folder?</p>{_gallery(data, wrong[:MAX_PHOTOS])}"
    if near:
        lead = "Named right, but least sure" if wrong else "It made no mistake on these photos: the least sure ones"
        body += f"<h3>{lead}</h3>{_gallery(data, near)}"
    return section("mistakes", "Its worst mistakes" if wrong else "Where it was least sure", "photos", body)


def _gallery(data: ReportData, indexes: Sequence[int]) -> str:
    return f'<ul class="gallery">{"".join(_photo(data, index) for index in indexes)}</ul>'


def _photo(data: ReportData, index: int) -> str:
    evaluation = data.evaluation
    truth, said = int(evaluation.truth[index]), int(evaluation.predicted[index])
    is_, says = evaluation.labels[truth], evaluation.labels[said]
    scored = evaluation.scores[index]
    file = relative(evaluation.paths[index], data.photos)
    image = picture(evaluation.paths[index], f"{file}: {is_}, taken for {says}" if truth != said else f"{file}: {is_}")
    line = f"<dt>said</dt><dd>{name(says, LETTERS)} <b>{percent(float(scored[said]))}</b></dd>"
    if truth != said:
        line += f"<dt>is</dt><dd>{name(is_, LETTERS)} <b>{percent(float(scored[truth]))}</b></dd>"
    kind = "right" if truth == said else "wrong"
    caption = f'<figcaption><dl>{line}</dl><p class="quiet">{name(file, LETTERS)}</p></figcaption>'
    return f'<li class="{kind}"><figure>{image}{caption}</figure></li>'
