"""Metrics for Prometheus, by its own library, in the text format 0.0.4."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""The upper bounds of the buckets of durations."""


class Registry(CollectorRegistry):
    """The metrics of one server. Those of the process are in it, where the system reports them."""

    def __init__(self) -> None:
        super().__init__()
        ProcessCollector(registry=self)

    def collect(self) -> Iterable[Metric]:
        """All metrics, without the time at which each counter was created: it would double their number."""
        for metric in super().collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric
        yield gauge("process_threads", "Python threads.", float(threading.active_count()))

    def text(self) -> bytes:
        """All metrics in the text format, UTF-8."""
        return generate_latest(self)


class HttpMetrics:
    """What every server counts.

    Attributes:
        registry: all metrics of the server.
        requests: by ``method``, ``route`` and ``status``.
        durations: by ``route``.
    """

    def __init__(self) -> None:
        self.registry = Registry()
        self.requests = Counter(
            "graft_http_requests_total",
            "Requests that were answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.durations = Histogram(
            "graft_http_request_duration_seconds",
            "From a request's head to its answer.",
            ("route",),
            buckets=SECONDS,
            registry=self.registry,
        )


class Metrics(HttpMetrics):
    """The metrics of ``graft-device serve``.

    Attributes:
        stages: durations by ``stage``: queue, preprocess or invoke.
        predictions: answers by ``label``.
        reloads: attempts by ``result``, ``ok`` or ``failed``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stages = Histogram(
            "graft_photo_duration_seconds",
            "Time per photo by stage: queue, preprocess, invoke.",
            ("stage",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.predictions = Counter(
            "graft_predictions_total", "Photos by answer: a label, or unknown.", ("label",), registry=self.registry
        )
        self.reloads = Counter(
            "graft_model_reloads_total", "How often the model file was reopened.", ("result",), registry=self.registry
        )

    def text(self, gauges: Mapping[str, tuple[str, float]], model: Mapping[str, str]) -> bytes:
        """All metrics in the text format.

        Args:
            gauges: the current values: a help text and a value for each name.
            model: facts about the model, as labels.
        """
        current = CollectorRegistry()
        current.register(_Now([info("graft_model_info", "The model that is served.", [model])]))
        current.register(_Now([gauge(name, text, value) for name, (text, value) in gauges.items()]))
        return self.registry.text() + generate_latest(current)


class _Now:
    """Metrics whose values are known already."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def gauge(name: str, text: str, value: float) -> Metric:
    """A metric with one value."""
    return GaugeMetricFamily(name, text, value)


def info(name: str, text: str, facts: list[Mapping[str, str]]) -> Metric:
    """A metric whose values are 1, and whose labels are the facts about some things, the same ones about each."""
    family = GaugeMetricFamily(name, text, labels=list(facts[0]) if facts else ())
    for labels in facts:
        family.add_metric(list(labels.values()), 1)
    return family
