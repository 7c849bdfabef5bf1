"""The section of a report that shows a new model beside an old one."""

from __future__ import annotations

from collections.abc import Sequence

from graft_host.evaluation.against import Against, ChangedPhoto
from graft_host.evaluation.golden_kept import GoldenAnswer, ModelAnswer
from graft_host.evaluation.mcnemar import LEVEL, PairedCounts
from graft_host.report.data import LETTERS, ReportData, relative
from graft_host.report.page import bar, count, name, percent, section, table, text
from graft_host.report.thumbnails import picture
from graft_host.support.intervals import wilson_interval

_MOST = 24  # thumbnails


def against(data: ReportData) -> str:
    """The section with both accuracies, the classes, golden photos, and the photos that got worse; empty without."""
    comparison = data.comparison
    if comparison is None:
        return ""
    body = f"{_lead(comparison)}{_accuracies(comparison.counts)}{_classes(comparison)}{_golden(comparison)}"
    if comparison.worse:
        shown = comparison.worse[:_MOST]
        first = f" (the first {_MOST} of {len(comparison.worse):,})" if len(comparison.worse) > _MOST else ""
        body += f"<h3>Photos that got worse{first}</h3>{_gallery(data, shown)}"
    heading = "Worse than the old model" if comparison.drops else "Not worse than the old model"
    return section("against", heading, "McNemar's test", body)


def _lead(comparison: Against) -> str:
    counts = comparison.counts
    neither = "that neither model was trained on" if comparison.unseen else "some of which may have been trained on"
    lead = (
        f"<p>Compared with <b>{name(comparison.old.name, LETTERS)}</b> on {count(counts.photos, 'photo')} {neither}. "
        f"{count(counts.only_old, 'photo')} got worse and {counts.only_new:,} got better. "
    )
    if counts.only_old:
        lead += (
            f"If both were equally good, at least so many would get worse with a probability of {percent(counts.p)}; "
        )
        lead += f"at most {percent(LEVEL)} counts as worse. "
    lead += "A photo that a model calls unknown counts as wrong.</p>"
    lead += "".join(f"<p><strong>Worse:</strong> {text(drop.reason)}.</p>" for drop in comparison.drops)
    others = [
        f"{which}: {', '.join(name(label, LETTERS) for label in labels)}"
        for which, labels in (
            ("only in the new model", comparison.only_in_new), ("only in the old model", comparison.only_in_old)
        )
        if labels
    ]  # fmt: skip
    return lead + (f"<p>Classes that are not compared, {'; '.join(others)}.</p>" if others else "")


def _accuracies(counts: PairedCounts) -> str:
    rows = []
    for label, right in (("Old", counts.old_right), ("New", counts.new_right)):
        low, high = wilson_interval(right, counts.photos)
        share = right / counts.photos
        rows.append([label, f"{percent(share)}{bar(share)}", f"{percent(low)} to {percent(high)}", f"{right:,}"])
    return table(["Model", "Accuracy", "95% interval", "Right"], rows, "Both models on the same photos", "classes")


def _classes(comparison: Against) -> str:
    rows = [
        [
            name(label, LETTERS),
            *(
                f"{percent(right / part.photos)}{bar(right / part.photos)}"
                for right in (part.old_right, part.new_right)
            ),
            f"{part.only_old:,}",
            f"{part.only_new:,}",
            f"{part.photos:,}",
        ]
        for label, part in comparison.classes.items()
    ]
    return "<h3>Class by class</h3>" + table(
        ["Class", "Old", "New", "Lost", "Gained", "Photos"], rows, "Class by class", "classes"
    )


def _golden(comparison: Against) -> str:
    golden = comparison.golden
    if not golden.photos:
        return ""
    if not golden.changed:
        return f"<p>Golden photos: {text(golden.text)}.</p>"
    rows = [_golden_row(photo) for photo in golden.changed]
    caption = "Golden photos with another answer"
    return f"<h3>{caption}</h3>" + table(["Golden photo", "Old", "New", "From"], rows, caption)


def _golden_row(photo: GoldenAnswer) -> list[str]:
    return [text(photo.name), _answer(photo.old), _answer(photo.new), name(photo.model.name, LETTERS)]


def _answer(answer: ModelAnswer) -> str:
    unknown = ", called unknown" if answer.unknown else ""
    return f"{name(answer.label, LETTERS)} <b>{percent(answer.score)}</b>{unknown}"


def _gallery(data: ReportData, photos: Sequence[ChangedPhoto]) -> str:
    return f'<ul class="gallery">{"".join(_photo(data, photo) for photo in photos)}</ul>'


def _photo(data: ReportData, photo: ChangedPhoto) -> str:
    file = relative(photo.path, data.photos)
    image = picture(photo.path, f"{file}: {photo.truth}, now {photo.new.label}")
    lines = f"<dt>new</dt><dd>{_answer(photo.new)}</dd><dt>old</dt><dd>{_answer(photo.old)}</dd>"
    lines += f"<dt>true</dt><dd>{name(photo.truth, LETTERS)}</dd>"
    caption = f'<figcaption><dl>{lines}</dl><p class="quiet">{name(file, LETTERS)}</p></figcaption>'
    return f'<li class="wrong"><figure>{image}{caption}</figure></li>'
