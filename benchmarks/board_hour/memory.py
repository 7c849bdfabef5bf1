"""Reads the memory of a process and its children from ``/proc``, and sums it up."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

_FIGURE = re.compile(r"^(Rss|Pss): +(\d+) kB", re.MULTILINE)


@dataclass(frozen=True)
class Memory:
    """The memory of a process and all below it.

    Attributes:
        at_s: seconds since the process was ready.
        rss_kb: resident memory, in which what they share counts for each.
        pss_kb: proportional memory, in which it is divided.
        processes: how many there are.
    """

    at_s: float
    rss_kb: int
    pss_kb: int
    processes: int


def read_memory(pid: int, at_s: float) -> Memory:
    """Reads the memory of a process and of its children."""
    rss = pss = count = 0
    for each in _with_children(pid):
        try:
            found = dict(_FIGURE.findall(Path(f"/proc/{each}/smaps_rollup").read_text()))
        except (OSError, ValueError):  # it has just ended
            continue
        rss, pss, count = rss + int(found["Rss"]), pss + int(found["Pss"]), count + 1
    return Memory(at_s, rss, pss, count)


def _with_children(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            yield from _with_children(int(child))


def slope_kb_h(samples: Sequence[Memory]) -> float:
    """The growth of the proportional memory in kB an hour: a straight line of least squares through all samples."""
    times = np.array([sample.at_s for sample in samples])
    return float(np.polyfit(times, [sample.pss_kb for sample in samples], 1)[0] * 3600)


def table(samples: Sequence[Memory], notes: dict[int, str]) -> list[str]:
    """The median of each minute, as lines of Markdown.

    Args:
        samples: in the order of their times.
        notes: what happened in a minute, by its number from 0.
    """
    lines = ["| minute | RSS in MB | PSS in MB | processes | |", "| --: | --: | --: | --: | --- |"]
    for minute in range(int(samples[-1].at_s // 60) + 1):
        within = [sample for sample in samples if sample.at_s // 60 == minute]
        if within:
            rss, pss = (median(getattr(sample, name) for sample in within) / 1000 for name in ("rss_kb", "pss_kb"))
            processes = max(sample.processes for sample in within)
            lines.append(f"| {minute + 1} | {rss:.1f} | {pss:.1f} | {processes} | {notes.get(minute, '')} |")
    return lines
