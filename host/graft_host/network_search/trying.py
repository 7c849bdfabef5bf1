"""Tries one network of a search: measures how accurate its head is, and writes its file to be timed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from threadpoolctl import threadpool_limits

from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks
from graft_host.backbones.bottlenecks.extract import Extraction
from graft_host.backbones.conversion.backbone import Backbone
from graft_host.heads.cross_validation import CrossValidated, cross_validate, validate
from graft_host.heads.head import Head
from graft_host.network_search.features import seen
from graft_host.network_search.grid import Grid
from graft_host.network_search.latency.timing import TimedNetwork
from graft_host.network_search.pareto import Candidate
from graft_host.support.scratch import write_scratch
from graft_host.tflite.metadata import add_metadata, archive
from graft_host.training.card import model_card
from graft_host.training.grafting import finished_head, graft, memory_of
from graft_host.training.material import Material, fitted_photos, group_numbers
from graft_host.training.options import HeadOptions
from graft_host.training.survey import Survey


@dataclass(frozen=True)
class TriedNetwork:
    """A network with a head, before its test.

    Attributes:
        network: the file, to be timed.
        accuracy: on photos that the head was not trained on.
        size: of the file in bytes.
    """

    network: TimedNetwork
    accuracy: CrossValidated
    size: int

    def candidate(self, ms: float, *, estimated: bool) -> Candidate:
        """The network with the milliseconds of one inference, and whether they were computed from those of others."""
        return Candidate(
            backbone=self.network.backbone,
            tap=self.network.tap,
            image_size=self.network.image_size,
            accuracy=self.accuracy.accuracy,
            standard_error=self.accuracy.standard_error,
            ms=ms,
            estimated=estimated,
            bytes=self.size,
        )


def try_network(backbone: Backbone, survey: Survey, grid: Grid, folder: Path) -> TriedNetwork:
    """Measures a network's accuracy, and writes the file that ``graft train`` would write, untested."""
    spec, labels = backbone.spec, survey.dataset.labels
    chosen = grid.head_options(spec.tap, spec.image_size)
    with Bottlenecks(backbone, survey.cache) as bottlenecks, threadpool_limits(1):
        material = _material(backbone, survey, bottlenecks)
        head = finished_head(material, chosen)
        accuracy = _accuracy(material, head.head, chosen, survey.threads)
        card = model_card(chosen, material, head)
        memory = memory_of(material, photos=False)  # the least that a file has
        artifact = add_metadata(graft(material, head), card) + archive(labels, card, memory)
    family = spec.weights.family
    path = folder / f"{family.name}-{spec.tap.replace('/', '_')}-{spec.image_size}.tflite"
    write_scratch(path, artifact)
    network = TimedNetwork(path, spec.tap, spec.image_size, family.depth(spec.taps[-1]), family.name)
    return TriedNetwork(network, accuracy, len(artifact))


def _material(backbone: Backbone, survey: Survey, bottlenecks: Bottlenecks) -> Material:
    """What a head is made from, without test photos."""
    parts = survey.split
    data, truth = bottlenecks.matrix(seen(parts))
    own = len(parts.train)
    return Material(
        dataset=survey.dataset,
        split=parts,
        backbone=backbone,
        extraction=Extraction({}, len(data), 0),
        train=(data[:own], truth[:own]),
        validation=(data[own:], truth[own:]),
        test=(data[:0], truth[:0]),
        groups=group_numbers(parts.train),
        fitted=bool(fitted_photos(backbone.spec.weights, parts.train).any()),
    )


def _accuracy(material: Material, head: Head, options: HeadOptions, threads: int) -> CrossValidated:
    """Cross-validated on all photos that a search sees; of a fitted backbone measured on the validation photos."""
    parts = material.split
    if material.fitted:
        return validate(head, *material.validation, group_numbers(parts.validation))
    data, truth = material.without_variants()
    recipe, classes = options.recipe, len(material.dataset.labels)
    return cross_validate(
        data, truth, group_numbers(seen(parts)), classes, recipe.seed, balanced=recipe.balanced, threads=threads
    )
