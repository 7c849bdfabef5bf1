from __future__ import annotations

from pathlib import Path

from graft_host.sorting import applying, carrying, journal, mover, moving, opening
from graft_host.sorting.applying import apply
from graft_host.sorting.options import SortOptions
from tests.support.host_data import image_bytes
from tests.support.interrupting import Action, code_of, interrupt_everywhere
from tests.support.quiet import QUIET


def _prepare(root: Path) -> None:
    (root / "inbox").mkdir()
    for number in range(2):
        (root / "inbox" / f"{number}.png").write_bytes(image_bytes(number))
    (root / "list.csv").write_text("file,label\n0.png,cats\n1.png,.bin\n")


def _sort(root: Path) -> None:
    options = SortOptions(inbox=root / "inbox", photos=root / "photos", cache=root / "cache", threads=1)
    apply(options, root / "list.csv", QUIET)


def _kept(root: Path) -> None:
    found = sorted(path.read_bytes() for path in root.rglob("*.png"))
    assert found == sorted(image_bytes(number) for number in range(2))


def _finished(root: Path) -> None:
    _kept(root)
    names = {path.relative_to(root).as_posix() for path in root.rglob("*.png")}
    assert names == {"photos/cats/0.png", "inbox/.bin/1.png"}
    assert not list(root.rglob("*.tmp"))


def test_ctrl_c_at_any_moment_of_sorting_loses_and_doubles_no_picture(tmp_path: Path) -> None:
    action = Action(act=_sort, prepare=_prepare, interrupted=_kept, finished=_finished)
    code = code_of(applying, carrying, journal, mover, moving, opening)
    assert interrupt_everywhere(action, tmp_path, code, stride=7) > 12
