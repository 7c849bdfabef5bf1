"""The metrics of a run, made from its figures when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from graft_device import __version__
from graft_device.camera_page.hub import Hub, SourceState
from graft_device.camera_page.live import Viewers
from graft_device.camera_page.parts import Parts
from graft_device.camera_page.pictures import Pictures
from graft_device.camera_page.shown import ShownModel
from graft_device.serve.metrics import HttpMetrics, gauge, info
from graft_device.system.thermal import read_celsius


class BoardMetrics(HttpMetrics):
    """The metrics of ``graft-device run --http``: those of every server, and those of the run."""

    def __init__(self, hub: Hub, viewers: Viewers, pictures: Pictures, parts: Callable[[], Parts]) -> None:
        """Registers what is read when the metrics are asked for.

        Args:
            hub: the figures.
            viewers: who watches.
            pictures: the JPEGs that were made.
            parts: returns what the board has at present.
        """
        super().__init__()
        self._hub, self._viewers, self._pictures, self._parts = hub, viewers, pictures, parts
        self.registry.register(self)

    def describe(self) -> Iterable[Metric]:
        """Nothing: the names need no check when the metrics are registered."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The figures as they are now."""
        sources = self._hub.sources()
        yield from _frames(sources)
        yield _answers(sources)
        yield _durations(sources)
        events = CounterMetricFamily("graft_events", "Events by kind.", labels=("kind",))
        for kind, count in sorted(self._hub.events.kinds.copy().items()):
            events.add_metric((kind,), count)
        yield events
        yield from self._board()
        yield gauge("graft_viewers", "Who watches the camera that most watch.", self._viewers.most)
        yield CounterMetricFamily("graft_live_pictures", "JPEGs made for the page.", self._pictures.encoded)
        if self._hub.models:
            yield info("graft_model_info", "The models in use.", [_facts(model) for model in self._hub.models])

    def _board(self) -> Iterator[Metric]:
        celsius = read_celsius()
        if celsius is not None:
            yield gauge("graft_temperature_celsius", "The temperature of the processor.", celsius)
        parts = self._parts()
        if parts.queues is not None:
            queues = GaugeMetricFamily(
                "graft_sink_queue_length", "Events that a sink has not delivered.", labels=("sink",)
            )
            for name, length in parts.queues().items():
                queues.add_metric((name,), length)
            yield queues
        if parts.drift is not None:
            drift = GaugeMetricFamily(
                "graft_score_drift",
                "Population stability index of the best scores, against the model card's.",
                labels=("model",),
            )
            for found in parts.drift.drift():
                if found.comparison is not None:
                    drift.add_metric((found.model,), found.comparison.index)
            yield drift


def _frames(sources: list[SourceState]) -> Iterator[Metric]:
    frames = CounterMetricFamily(
        "graft_frames",
        "Frames of a view by outcome: classified, or still without movement.",
        labels=("source", "view", "outcome"),
    )
    still = GaugeMetricFamily(
        "graft_frames_still_ratio", "Share of frames that the motion gate held back.", labels=("source", "view")
    )
    dropped = CounterMetricFamily("graft_frames_dropped", "Frames skipped for newer ones.", labels=("source",))
    failed = CounterMetricFamily("graft_frames_failed", "Frames that could not be read.", labels=("source",))
    rate = GaugeMetricFamily("graft_frames_per_second", "Frames that reached a view.", labels=("source",))
    present = GaugeMetricFamily("graft_source_present", "Whether a source gives frames.", labels=("source",))
    for source in sources:
        for view_id, figures in source.views.items():
            frames.add_metric((source.name, view_id, "classified"), figures.classified)
            frames.add_metric((source.name, view_id, "still"), figures.still)
            still.add_metric((source.name, view_id), figures.still_share)
        dropped.add_metric((source.name,), source.figures.dropped)
        failed.add_metric((source.name,), source.figures.failed)
        rate.add_metric((source.name,), source.rate)
        present.add_metric((source.name,), source.present)
    yield from (frames, still, dropped, failed, rate, present)


def _answers(sources: list[SourceState]) -> Metric:
    answers = CounterMetricFamily(
        "graft_predictions", "Frames by answer: a label, or unknown.", labels=("view", "label")
    )
    for source in sources:
        for view_id, figures in source.views.items():
            for label, count in figures.labels.items():
                answers.add_metric((view_id, label), count)
    return answers


def _durations(sources: list[SourceState]) -> Metric:
    durations = HistogramMetricFamily(
        "graft_photo_duration_seconds",
        "Time per frame by stage: preprocess, invoke; and age, from the frame to the answer.",
        labels=("view", "stage"),
    )
    for source in sources:
        for view_id, figures in source.views.items():
            for stage, times in figures.stages.items():
                durations.add_metric((view_id, stage), times.buckets(), times.seconds)
    return durations


def _facts(model: ShownModel) -> dict[str, str]:
    backbone = model.card.get("backbone") or {}
    return {
        "model": model.name,
        "fingerprint": str(backbone.get("fingerprint", "")),
        "quantization": str(model.card.get("quantization", "")),
        "runtime": model.runtime,
        "version": __version__,
    }
