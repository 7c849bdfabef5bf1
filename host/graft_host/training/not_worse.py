"""``--not-worse-than``: opens the older files, chooses the photos, and compares."""

from __future__ import annotations

from collections.abc import Sequence

from graft_device.runtime import threads_to_use
from graft_host.evaluation.against import Against
from graft_host.evaluation.comparing import compare
from graft_host.evaluation.evaluate import Evaluation
from graft_host.evaluation.golden_kept import check_golden
from graft_host.evaluation.old_model import FairPhotos, OldModel, fair_photos, open_old_model
from graft_host.support.clock import Clock
from graft_host.support.reporter import Reporter
from graft_host.support.scratch import scratch, write_scratch
from graft_host.training.figures import evaluated
from graft_host.training.kept_results import KeptResults
from graft_host.training.material import Material
from graft_host.training.options import TrainOptions


def opened(options: TrainOptions) -> tuple[OldModel, ...]:
    """Reads the older files before the run starts: that of ``--not-worse-than`` first, then those of ``--golden-from``.

    Raises:
        ModelError: a file cannot be used.
    """
    if options.not_worse_than is None:
        return ()
    return tuple(map(open_old_model, dict.fromkeys((options.not_worse_than, *options.golden_from))))


def to_compare(
    models: Sequence[OldModel], material: Material, options: TrainOptions, reporter: Reporter
) -> FairPhotos | None:
    """The test photos that neither model was trained on; None if no model is to be compared with.

    Raises:
        DatasetError: no photo is left.
    """
    if not models:
        return None
    threads = threads_to_use(options.threads)
    return fair_photos(models[0], material.dataset, material.split.test, threads, reporter)


def beside_old(
    models: Sequence[OldModel],
    fair: FairPhotos | None,
    evaluation: Evaluation,
    artifact: bytes,
    kept: KeptResults,
    options: TrainOptions,
    reporter: Reporter,
    clock: Clock,
) -> Against | None:
    """Compares the new file with the older ones; None if there are none.

    Args:
        models: the older files.
        fair: the photos to compare on.
        evaluation: of the new file on all test photos.
        artifact: the new file.
        kept: results of earlier runs, which hold the older file's scores if the photos are the same.
        options: of the run.
        reporter: receives progress.
        clock: measures the stage.

    Raises:
        GraftError: an older file cannot be used, or a photo changed during the run.
    """
    if fair is None:
        return None
    old, threads = models[0], threads_to_use(options.threads)
    with clock.stage("compare"), reporter.progress("testing the older file") as progress:
        before = kept.evaluation(
            old.digest, fair.photos, lambda: evaluated(old.data, old.labels, fair.photos, threads, progress)
        )
    with clock.stage("compare"), scratch() as folder:
        new = folder / "candidate.tflite"
        write_scratch(new, artifact)
        golden = check_golden(new, models)
    return compare(old, fair, before, evaluation, golden)
