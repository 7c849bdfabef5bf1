"""Counters for Prometheus, in its text format 0.0.4."""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_Labels = tuple[tuple[str, str], ...]


class Counter:
    """A Prometheus counter: for each combination of labels, a number that only grows."""

    def __init__(self, name: str, text: str) -> None:
        self._name, self._text = name, text
        self._values: defaultdict[_Labels, float] = defaultdict(float)

    def add(self, amount: float = 1, **labels: str) -> None:
        """Adds to the counter with these labels."""
        self._values[tuple(labels.items())] += amount

    def lines(self) -> Iterator[str]:
        """The lines of the text format."""
        yield from _head(self._name, self._text, "counter")
        for labels, value in self._values.items():
            yield _line(self._name, labels, value)


class Histogram:
    """A Prometheus histogram of durations in seconds, for each combination of labels."""

    def __init__(self, name: str, text: str) -> None:
        self._name, self._text = name, text
        self._counts: defaultdict[_Labels, list[int]] = defaultdict(lambda: [0] * (len(_SECONDS) + 1))
        self._sums: defaultdict[_Labels, float] = defaultdict(float)

    def observe(self, seconds: float, **labels: str) -> None:
        """Adds one duration to the histogram with these labels."""
        key = tuple(labels.items())
        self._counts[key][sum(seconds > bound for bound in _SECONDS)] += 1
        self._sums[key] += seconds

    def lines(self) -> Iterator[str]:
        """The lines of the text format."""
        yield from _head(self._name, self._text, "histogram")
        for labels, counts in self._counts.items():
            total = 0
            for bound, count in zip((*map(str, _SECONDS), "+Inf"), counts):
                total += count
                yield _line(f"{self._name}_bucket", (*labels, ("le", bound)), total)
            yield _line(f"{self._name}_sum", labels, self._sums[labels])
            yield _line(f"{self._name}_count", labels, total)


class Metrics:
    """All counters and histograms of the server; only the event loop's thread may use them."""

    def __init__(self) -> None:
        self.requests = Counter("graft_http_requests_total", "Requests that were answered.")
        self.durations = Histogram("graft_http_request_duration_seconds", "From a request's head to its answer.")
        self.stages = Histogram("graft_photo_duration_seconds", "Time per photo by stage: queue, preprocess, invoke.")
        self.predictions = Counter("graft_predictions_total", "Photos by answer: a label, or unknown.")
        self.reloads = Counter("graft_model_reloads_total", "How often the model file was reopened.")

    def text(self, gauges: Mapping[str, tuple[str, float]], model: Mapping[str, str]) -> str:
        """All metrics in the text format.

        Args:
            gauges: the current values: a help text and a value for each name.
            model: facts about the model, as labels.
        """
        lines = [line for metric in vars(self).values() for line in metric.lines()]
        lines += [*_head("graft_model_info", "The model that is served.", "gauge")]
        lines += [_line("graft_model_info", tuple(model.items()), 1)]
        for name, (text, value) in {**gauges, **_process()}.items():
            lines += [*_head(name, text, "counter" if name.endswith("_total") else "gauge"), _line(name, (), value)]
        return "\n".join(lines) + "\n"


def _process() -> dict[str, tuple[str, float]]:
    """The standard process metrics of Prometheus exporters; those that need Linux are left out elsewhere."""
    times = os.times()
    gauges = {
        "process_cpu_seconds_total": ("User and system CPU time.", times.user + times.system),
        "process_start_time_seconds": ("When the process started, as Unix time.", _STARTED),
        "process_threads": ("Python threads.", float(threading.active_count())),
    }
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        gauges["process_resident_memory_bytes"] = ("Memory in use.", float(pages * os.sysconf("SC_PAGE_SIZE")))
        gauges["process_open_fds"] = ("Open file descriptors.", float(len(list(Path("/proc/self/fd").iterdir()))))
    except OSError:
        pass
    return gauges


_STARTED = time.time()


def _head(name: str, text: str, kind: str) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"


def _line(name: str, labels: _Labels, value: float) -> str:
    shown = ",".join(f'{key}="{text.translate(_ESCAPES)}"' for key, text in labels)
    return f"{name}{{{shown}}} {value:.15g}" if shown else f"{name} {value:.15g}"
