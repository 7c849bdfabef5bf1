"""What is ignored for good."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import Project, open_project
from graft_host.studio.remedies.found import Found, FoundPhoto
from graft_host.studio.remedies.ignored import Ignored
from tests.support import ignored_kills
from tests.support.interrupting import Action, interrupt_everywhere
from tests.support.killing import tried


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return open_project(tmp_path / "pets")


def _found(kind: str = "near", *photos: tuple[str, str], labels: tuple[str, ...] = ("cat",)) -> Found:
    files = tuple(FoundPhoto(id=name, digest=digest, label=labels[0]) for name, digest in photos)
    return Found(kind=kind, photos=files, labels=labels, figures={})


def _is_ignored(project: Project, finding: Found) -> bool:
    return any(entry.covers(finding) for entry in Ignored(project).entries())


def test_a_finding_stays_ignored_under_other_names_and_when_a_photo_of_it_is_gone(project: Project) -> None:
    three = _found("near", ("cat/a.jpg", "1"), ("cat/b.jpg", "2"), ("cat/c.jpg", "3"))
    Ignored(project).add([three])
    assert _is_ignored(project, _found("near", ("cat/x.jpg", "3"), ("cat/y.jpg", "1"), ("cat/z.jpg", "2")))
    assert _is_ignored(project, _found("near", ("cat/a.jpg", "1"), ("cat/b.jpg", "2")))


def test_what_is_new_about_the_photos_is_reported(project: Project) -> None:
    Ignored(project).add([_found("near", ("cat/a.jpg", "1"), ("cat/b.jpg", "2"))])
    assert not _is_ignored(project, _found("near", ("a", "1"), ("b", "2"), ("c", "3")))
    assert not _is_ignored(project, _found("near_across", ("a", "1"), ("b", "2"), labels=("cat", "dog")))
    assert not _is_ignored(project, _found("near", ("a", "1"), ("b", "2"), labels=("dog",)))
    assert not _is_ignored(project, _found("near"))


def test_files_that_cannot_be_read_and_classes_are_ignored_too(project: Project) -> None:
    unread, few = _found("unreadable", ("cat/a.jpg", "")), _found("few", labels=("cat",))
    Ignored(project).add([unread, few])
    assert _is_ignored(project, unread)
    assert _is_ignored(project, few)
    assert not _is_ignored(project, _found("unreadable", ("cat/b.jpg", "")))
    assert not _is_ignored(project, _found("few", labels=("dog",)))


def test_it_can_be_taken_back(project: Project) -> None:
    ignored, told = Ignored(project), []
    ignored.changed.subscribe(lambda: told.append(1))
    findings = [_found("near", (name, name), (f"{name}2", f"{name}2")) for name in "ab"]
    ignored.add(findings)
    ignored.add(findings[:1])
    (first, second) = ignored.entries()
    ignored.take_back(first)
    assert ignored.entries() == (second,)
    assert len(told) == 3


def test_two_studios_that_ignore_at_once_lose_nothing(project: Project) -> None:
    def ignore(name: str) -> None:
        ignored = Ignored(project)
        for number in range(20):
            ignored.add([_found("tiny", (f"{name}{number}", f"{name}{number}"))])

    threads = [threading.Thread(target=ignore, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Ignored(project).entries()) == 40


def test_a_damaged_file_ignores_nothing_and_is_replaced(project: Project) -> None:
    (project.work / "ignored.json").write_text('{"form": 1, "ignored": [{}]}')
    assert Ignored(project).entries() == ()
    Ignored(project).add([_found("few")])
    assert len(Ignored(project).entries()) == 1


def test_a_folder_that_cannot_be_written_to_is_an_error_of_one_line(project: Project) -> None:
    (project.work / "ignored.json").mkdir()
    with pytest.raises(StudioError, match=r"cannot write .*ignored\.json"):
        Ignored(project).add([_found("few")])


def test_killed_at_any_step_it_has_ignored_all_or_nothing_more(tmp_path: Path) -> None:
    found = tried(ignored_kills, tmp_path / "pets")
    assert {each["entries"] for each in found[:-1]} == {1, 2}
    assert found[-1]["entries"] == 2
    assert {each["again"] for each in found} == {2}


def test_ctrl_c_at_any_moment_leaves_a_whole_file(in_memory: Path) -> None:
    def is_whole(place: Path) -> None:
        assert len(Ignored(Project(place)).entries()) in {1, 2}

    def prepare(place: Path) -> None:
        Ignored(open_project(place)).add([ignored_kills.finding("a")])

    action = Action(
        prepare=prepare,
        act=lambda place: Ignored(Project(place)).add([ignored_kills.finding("b")]),
        interrupted=is_whole,
        finished=lambda place: _assert_two(Project(place)),
    )
    assert interrupt_everywhere(action, in_memory) > 10


def _assert_two(project: Project) -> None:
    assert len(Ignored(project).entries()) == 2
