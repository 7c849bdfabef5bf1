"""The page of ``graft sort`` in a separate process, with groups that a test chooses by the folders of the inbox.

``python -m tests.support.sorting_page ROOT`` serves ``ROOT/inbox`` and ``ROOT/photos`` until Ctrl-C. The groups are
the folders in the inbox: ``said-cats``, ``like-cats``, ``twins`` (of photos of the first class), or any other name.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from graft_device import console
from graft_device.ranking import Prediction
from graft_host.photos.dataset import scan
from graft_host.sorting.grouping import Evidence
from graft_host.sorting.material import Material
from graft_host.sorting.opening import open_mover
from graft_host.sorting.page.server import serve
from graft_host.sorting.pictures import find_pictures
from graft_host.sorting.places import BIN, check_folders
from graft_host.sorting.state import Destination, Group, GroupKind, Picture
from graft_host.sorting.table import SortingTable
from tests.support.host_data import image_bytes
from tests.support.page_process import PageProcess
from tests.support.quiet import QUIET
from tests.support.running import PATIENCE_S
from tests.support.serving import ROOT, Reply

_EXPECTED = re.compile(r"sort at |the page is open|error: (?!unexpected)")


def fill(folder: Path, *numbers: int, size: int = 96) -> None:
    """Writes pictures, each named after its number."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        (folder / f"{number}.png").write_bytes(image_bytes(number, width=size, height=size))


def table_of(root: Path) -> SortingTable:
    """The table of ``inbox`` and ``photos`` in a folder, with a group for each folder in the inbox."""
    folders = check_folders(root / "inbox", root / "photos")
    opened = contextlib.ExitStack()
    mover = opened.enter_context(open_mover(folders, QUIET))
    inbox = find_pictures(mover.folders.inbox, 2, root / "cache")
    dataset = scan(mover.folders.photos, 2, 0, root / "cache")
    twins = {photo.digest: photo.path for photo in dataset.photos}
    by_folder: dict[str, list[Picture]] = {}
    for found in inbox.found:
        folder = found.picture.name.partition("/")[0]
        by_folder.setdefault(folder, []).append(_told(found.picture, folder, twins.get(found.photo.digest)))
    groups = [_group(folder, pictures) for folder, pictures in sorted(by_folder.items())]
    counts = {Destination("class", label): 0 for label in dataset.labels}
    for photo in dataset.photos:
        counts[Destination("class", dataset.labels[photo.label])] += 1
    counts[Destination("unknown")] = len(dataset.negatives)
    counts[Destination("bin")] = sum(1 for _ in (folders.inbox / BIN).rglob("*.png"))
    evidence = Evidence(known=(), rows={})
    material = Material(inbox=inbox, evidence=evidence, groups=tuple(groups), labels=dataset.labels, counts=counts)
    return SortingTable(mover, material, 1, opened)


def _told(picture: Picture, folder: str, twin: Path | None) -> Picture:
    kind, _, label = folder.partition("-")
    if kind == "said":
        return replace(picture, said=label, board="kitchen")
    if kind == "like":
        predictions = (Prediction(label, 0.61), Prediction("other", 0.39))
        return replace(picture, suggested=label, score=0.93, answer="unknown", predictions=predictions, board="hall")
    return replace(picture, twin=twin) if kind == "twins" else picture


def _group(folder: str, pictures: list[Picture]) -> Group:
    kind, _, label = folder.partition("-")
    kinds: dict[str, tuple[GroupKind, str, str | None]] = {
        "said": ("said", f"said: {label}", label),
        "like": ("suggested", f"like {label}", label),
        "twins": ("duplicates", "already there", None),
    }
    named, title, known = kinds.get(kind, ("cluster", folder, None))
    return Group(id=folder, title=title, kind=named, label=known, pictures=tuple(pictures))


class SortingPage(PageProcess):
    """A page that is served, and what its process says."""

    def files(self, *folders: str) -> list[str]:
        """The names of the pictures below folders of the root."""
        return sorted(path.name for folder in folders for path in (self.root / folder).rglob("*.png"))


@contextlib.contextmanager
def sorting(root: Path, *command: str, port: int = 0) -> Iterator[SortingPage]:
    """Serves the page of a folder until the end of the block.

    Args:
        root: has ``inbox`` and ``photos``.
        command: what to run instead of this module, such as ``graft sort``.
        port: where it listens; 0 for a free one.
    """
    run = list(command) or [sys.executable, "-m", "tests.support.sorting_page", str(root), str(port)]
    with subprocess.Popen(
        run, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        page = SortingPage(process, root)
        with page.followed():
            yield page
        if not command:
            assert [line for line in page.said if not _EXPECTED.match(line)] == []


@dataclass(frozen=True)
class Client:
    """Sends requests to the page's server without a browser."""

    host: str
    port: int
    token: str

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Reply:
        """Sends a request with the token; ``body`` is sent as JSON, bytes as they are."""
        sent: dict[str, str] = {"Authorization": f"Bearer {self.token}"}
        if body is not None:
            sent["Content-Type"] = "application/json"
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection = HTTPConnection(self.host, self.port, timeout=PATIENCE_S)
        with contextlib.closing(connection):
            connection.request(method, path, data, {**sent, **(headers or {})})
            response = connection.getresponse()
            return Reply(
                response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
            )


def entered(address: str) -> Client:
    """A client that has exchanged the code of an address for the token."""
    base, _, code = address.partition("/#")
    host, _, port = base.removeprefix("http://").rpartition(":")
    reply = Client(host, int(port), "").ask("POST", "/session", {"code": code})
    assert reply.status == 200, reply.body
    return Client(host, int(port), reply.json()["token"])


if __name__ == "__main__":
    with table_of(Path(sys.argv[1])) as served:
        print(json.dumps(serve(served, Path(sys.argv[1], "cache"), int(sys.argv[2]), console.say, None).to_json()))  # noqa: T201
