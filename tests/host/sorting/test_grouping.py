from __future__ import annotations

from pathlib import Path

import numpy as np

from graft_device.ranking import Answer, Prediction
from graft_host.photos.dataset import NO_CLASS, Photo
from graft_host.sorting.grouping import Evidence, Known, arranged
from graft_host.sorting.pictures import Found
from graft_host.sorting.state import Group, Picture
from graft_host.sorting.suggesting import Array

CENTRES = np.random.default_rng(0).gamma(1.0, 2.0, (3, 100))
KINDS = ("cats", "dogs", "leaves")


def row(kind: str, number: int) -> Array:
    """A bottleneck of something."""
    rng = np.random.default_rng([KINDS.index(kind), number])
    varied: Array = (CENTRES[KINDS.index(kind)] * rng.gamma(20.0, 1 / 20, 100)).astype(np.float32)
    return varied


def found(kind: str, number: int, group: str = "", **notes: object) -> Found:
    """A picture in the inbox, with its kind in its name."""
    digest = f"{KINDS.index(kind)}{number:063}"
    photo = Photo(path=Path(f"inbox/{kind}-{number}.png"), label=NO_CLASS, digest=digest, group=group)
    return Found(Picture(id=f"{kind}-{number}", name=f"{kind}-{number}.png", **notes), photo)  # type: ignore[arg-type]


def evidence(pictures: list[Found], sorted_already: int, **more: object) -> Evidence:
    """Bottlenecks of all, and as many sorted cats and dogs."""
    known = [
        Known(path=Path(f"photos/{kind}/{number}.png"), digest=f"{kind}{number}", place=f"{kind}{number}", label=kind)
        for kind in KINDS[:2]
        for number in range(100, 100 + sorted_already)
    ]
    rows = {one.digest: row(one.label, int(one.path.stem)) for one in known}
    for one in pictures:
        kind, _, number = one.picture.id.partition("-")
        rows[one.photo.digest] = row(kind, int(number))
    return Evidence(known=known, rows=rows, **more)  # type: ignore[arg-type]


def names(group: Group) -> list[str]:
    """The pictures of a group."""
    return [picture.id for picture in group.pictures]


PICTURES = [found(kind, number) for kind in KINDS for number in range(8)]


def test_pictures_like_a_class_are_suggested_the_surest_first_and_others_are_grouped_by_themselves() -> None:
    groups = arranged(PICTURES, evidence(PICTURES, 20), 1)
    suggested, clusters = groups[:2], groups[2:]
    assert [(group.kind, group.title, group.label) for group in suggested] == [
        ("suggested", "like cats", "cats"), ("suggested", "like dogs", "dogs"),
    ]  # fmt: skip
    for group in suggested:
        assert len(group.pictures) > 4
        assert {name.partition("-")[0] for name in names(group)} == {group.label}
        scores = [picture.score or 0 for picture in group.pictures]
        assert scores == sorted(scores, reverse=True)
        assert scores[-1] > 0.5
    assert {group.kind for group in clusters} == {"cluster"}
    assert {f"leaves-{number}" for number in range(8)} <= {name for group in clusters for name in names(group)}
    assert all(picture.suggested is None for group in clusters for picture in group.pictures)


def test_without_sorted_photos_groups_of_likeness_are_the_same_every_time() -> None:
    groups = arranged(PICTURES, evidence(PICTURES, 0), 1)
    assert {group.kind for group in groups} == {"cluster"}
    assert len(groups) == 5
    assert all(len({name.partition("-")[0] for name in names(group)}) == 1 for group in groups)
    assert arranged(PICTURES[::-1], evidence(PICTURES, 0), 1) == groups


def test_what_a_person_said_comes_first_and_teaches_the_rest() -> None:
    said = [found(kind, number, said=kind) for kind in KINDS for number in range(50, 54)]
    pictures = [*PICTURES, *said]
    groups = arranged(pictures, evidence(pictures, 0), 1)
    assert [group.title for group in groups] == [
        "said: cats", "said: dogs", "said: leaves", "like cats", "like dogs", "like leaves",
    ]  # fmt: skip
    for group in groups:
        assert {name.partition("-")[0] for name in names(group)} == {group.label}


def test_copies_of_sorted_photos_are_set_aside_with_their_twin_and_others_are_next_to_each_other() -> None:
    pictures = [
        *PICTURES,
        found("cats", 80, group="dogs103"),
        found("dogs", 81, group="p"),
        found("dogs", 82, group="p"),
    ]
    groups = arranged(pictures, evidence(pictures, 20), 1)
    assert (groups[-1].title, groups[-1].kind, names(groups[-1])) == ("already there", "duplicates", ["cats-80"])
    assert groups[-1].pictures[0].twin == Path("photos/dogs/103.png")
    assert groups[-1].pictures[0].suggested is None
    dogs = names(next(group for group in groups if group.title == "like dogs"))
    assert abs(dogs.index("dogs-81") - dogs.index("dogs-82")) == 1


def test_a_models_answers_are_suggested_alone_and_beside_sorted_photos() -> None:
    pictures = [found("cats", number) for number in range(4)]
    answers = {
        pictures[0].photo.digest: Answer([Prediction("birds", 0.9), Prediction("cats", 0.1)]),
        pictures[1].photo.digest: Answer([Prediction("birds", 0.4), Prediction("cats", 0.3)], "uncertain"),
    }
    alone = {
        one.id: one for group in arranged(pictures, evidence(pictures, 0, answers=answers), 1) for one in group.pictures
    }
    assert (alone["cats-0"].suggested, alone["cats-0"].score, alone["cats-0"].answer) == ("birds", 0.9, "birds")
    assert (alone["cats-1"].suggested, alone["cats-1"].answer) == (None, "unknown")
    beside = {
        one.id: one
        for group in arranged(pictures, evidence(pictures, 20, answers=answers), 1)
        for one in group.pictures
    }
    assert beside["cats-0"].suggested == "cats"  # the mean of 0.1 and nearly 1
    assert beside["cats-1"].suggested == "cats"
    noted = [found("cats", 9, answer="birds", predictions=(Prediction("birds", 0.8),))]
    (group,) = arranged(noted, evidence(noted, 0), 1)
    assert (group.title, group.pictures[0].score) == ("like birds", 0.8)
