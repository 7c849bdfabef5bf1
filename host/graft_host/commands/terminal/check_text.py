"""What ``graft check`` prints for a person."""

from __future__ import annotations

from collections import Counter

from graft_device.text import printable
from graft_host.commands.terminal.prospects_text import prospects_lines
from graft_host.photo_check import CheckResult
from graft_host.photos.findings import KINDS, Finding, counts

_MAX_FINDINGS = 10  # of a kind
_MAX_PATHS = 4  # of a finding
_MAX_CLASSES = 10


def check_text(result: CheckResult) -> str:
    """The findings by kind, with advice, and a summary line."""
    lines = [_dataset_line(result), ""]
    for kind, count in counts(result.findings).items():
        if count:
            lines += [*_kind_lines(kind, [finding for finding in result.findings if finding.kind == kind]), ""]
    lines += prospects_lines(result.prospects, result.dataset.labels)
    lines += [f"note: {printable(note)}" for note in result.notes]
    if result.search.accuracy is not None and not result.search.note:
        lines += _heads(result.search.accuracy, result.search.estimate or 0)
    return "\n".join([*lines, _summary(result)])


def _dataset_line(result: CheckResult) -> str:
    dataset = result.dataset
    numbers = Counter(photo.label for photo in dataset.photos)
    sizes = [f"{printable(label)} {numbers[index]:,}" for index, label in enumerate(dataset.labels)]
    more = [f"and {len(sizes) - _MAX_CLASSES:,} more"] if len(sizes) > _MAX_CLASSES else []
    classes = "1 class" if len(sizes) == 1 else f"{len(sizes):,} classes"
    unknown = f"; {len(dataset.negatives):,} of none of them" if dataset.negatives else ""
    return f"{len(dataset.photos):,} photos in {classes}: {', '.join(sizes[:_MAX_CLASSES] + more)}{unknown}"


def _kind_lines(kind: str, findings: list[Finding]) -> list[str]:
    lines = [KINDS[kind].counted(len(findings)), f"  {_advice(kind, findings)}"]
    for finding in findings[:_MAX_FINDINGS]:
        first, *others = [printable(path) for path in finding.paths]
        lines.append(f"    {first}: {printable(finding.problem)}")
        lines += [f"      {path}" for path in others[: _MAX_PATHS - 1]]
        if len(others) >= _MAX_PATHS:
            lines.append(f"      … and {len(others) - _MAX_PATHS + 1:,} more")
    if len(findings) > _MAX_FINDINGS:
        lines.append(f"    … and {len(findings) - _MAX_FINDINGS:,} more (--json lists all)")
    return lines


def _advice(kind: str, findings: list[Finding]) -> str:
    """The advice that all findings share, or the advice of their kind; for a list in order always the latter."""
    advice = {finding.advice for finding in findings}
    in_order = kind == "mislabel" and len(findings) > 1
    return printable(advice.pop()) if len(advice) == 1 and not in_order else KINDS[kind].advice


def _heads(accuracy: float, estimate: float) -> list[str]:
    """What heads say about the labels as a whole."""
    lines = [f"heads that did not see a photo name its class for {accuracy:.1%} of them"]
    if estimate:
        about = f"about {estimate:.0f} photos seem" if round(estimate) > 1 else "about one photo seems"
        lines.append(f"{about} to be in the wrong class, by the mistakes of these heads")
    elif accuracy < 1:
        lines.append("their mistakes are no sign of wrong labels")
    return lines


def _summary(result: CheckResult) -> str:
    groups = [KINDS[kind].counted(count) for kind, count in counts(result.findings).items() if count]
    return f"found: {', '.join(groups)}" if groups else "found nothing wrong"
