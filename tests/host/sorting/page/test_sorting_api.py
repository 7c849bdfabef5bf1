"""The HTTP interface of the sorting page: who may use it, what it refuses, and the pictures that it sends."""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from graft_host.sorting.page import pictures
from graft_host.sorting.page.access import Access
from graft_host.sorting.page.pictures import Thumbnails, whole
from tests.support.heic import heic
from tests.support.host_data import image, image_bytes
from tests.support.ports import free_port
from tests.support.sorting_page import Client, SortingPage, entered, fill, sorting


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SortingPage, Client]]:
    """A page of three pictures that are refused to be moved, and a client with the token."""
    root = tmp_path_factory.mktemp("page")
    fill(root / "inbox" / "rest", 1, 2, 3, size=500)
    fill(root / "photos" / "cats", 10)
    (root / "secret.png").write_bytes(image_bytes(4))
    with sorting(root) as served:
        yield served, entered(served.address())


MOVE = {"pictures": ["0" * 16], "to": {"kind": "class", "label": "cats"}}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Content-Type": "text/plain"}, 415),
    ],
)
def test_other_sites_and_other_users_cannot_use_it(
    page: tuple[SortingPage, Client], headers: dict[str, str], status: int
) -> None:
    served, client = page
    for path, body in (("/v1/moves", MOVE), ("/v1/undo", {}), ("/v1/classes", {"label": "birds"})):
        assert client.ask("POST", path, body, headers).status == status
    assert served.files("photos") == ["10.png"]


def test_no_picture_is_sent_without_the_token(page: tuple[SortingPage, Client]) -> None:
    _, client = page
    (known, *_) = (one["id"] for one in client.ask("GET", "/v1/sorting").json()["groups"][0]["pictures"])
    stranger = Client(client.host, client.port, "x" * 32)
    for path in ("/v1/sorting", f"/v1/pictures/{known}", f"/v1/pictures/{known}/thumbnail"):
        assert client.ask("GET", path).status == 200
        assert stranger.ask("GET", path).status == 401
        assert client.ask("GET", path, headers={"Host": "evil.example"}).status == 421


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/moves", MOVE, 404),
        ("/v1/moves", {**MOVE, "pictures": ["../../secret.png"]}, 404),
        ("/v1/moves", {**MOVE, "pictures": []}, 400),
        ("/v1/moves", {**MOVE, "pictures": [1]}, 400),
        ("/v1/moves", {**MOVE, "to": {"kind": "trash"}}, 400),
        ("/v1/moves", {**MOVE, "to": {"kind": ["class"]}}, 400),
        ("/v1/moves", {**MOVE, "to": {"kind": "class"}}, 400),
        ("/v1/moves", {**MOVE, "revision": 3}, 400),
        ("/v1/moves", [], 400),
        ("/v1/moves", b"{", 400),
        ("/v1/moves", b"[" * 100_000, 400),
        ("/v1/moves", b"\xff", 400),
        ("/v1/moves", b" " * 9_000_000, 413),
        ("/v1/moves", {**MOVE, "to": {"kind": "class", "label": "../../x"}}, 409),
        ("/v1/classes", {"label": "../../x"}, 409),
        ("/v1/classes", {"label": ".hidden"}, 409),
        ("/v1/classes", b'{"label": "\\ud800"}', 400),
        ("/v1/classes", {"label": "x" * 2000}, 400),
        ("/v1/undo", {"revision": "an old one"}, 409),
        ("/session", {"code": "guessed"}, 401),
        ("/session", {}, 400),
    ],
)
def test_bad_requests_are_refused_in_plain_words(
    page: tuple[SortingPage, Client], path: str, body: Any, status: int
) -> None:
    served, client = page
    if status == 409 and path == "/v1/moves":
        known = client.ask("GET", "/v1/sorting").json()["groups"][0]["pictures"][0]["id"]
        body = {**body, "pictures": [known]}
    before = sorted(served.root.rglob("*"))
    reply = client.ask("POST", path, body)
    assert reply.status == status, reply.body
    assert reply.detail
    assert sorted(served.root.rglob("*")) == before


@pytest.mark.parametrize(
    "path",
    [
        "/v1/pictures/..%2f..%2fsecret.png", "/v1/pictures/../../secret.png", "/v1/pictures/%2e%2e/thumbnail",
        "/v1/pictures/0000000000000000", "/v1/pictures/0000000000000000/twin", "/../secret.png", "/static/app.js",
        "/shared/../../app.py",
    ],
)  # fmt: skip
def test_only_pictures_of_the_table_and_files_of_the_page_are_sent(page: tuple[SortingPage, Client], path: str) -> None:
    assert page[1].ask("GET", path).status == 404


def test_the_page_may_load_nothing_from_elsewhere_and_pictures_are_not_kept_by_the_browser(
    page: tuple[SortingPage, Client],
) -> None:
    _, client = page
    assert "default-src 'none'" in client.ask("GET", "/").headers["content-security-policy"]
    state = client.ask("GET", "/v1/sorting")
    known = state.json()["groups"][0]["pictures"][0]["id"]
    assert client.ask("GET", "/v1/sorting", headers={"If-None-Match": state.headers["etag"]}).status == 304
    for path, longest in ((f"/v1/pictures/{known}", 500), (f"/v1/pictures/{known}/thumbnail", 360)):
        reply = client.ask("GET", path)
        assert (reply.headers["content-type"], reply.headers["cache-control"]) == ("image/jpeg", "no-store")
        assert Image.open(io.BytesIO(reply.body)).size == (longest, longest)


def test_a_code_works_once() -> None:
    access = Access()
    code = access.issue()
    assert not access.redeem(code[:-1])
    assert access.redeem(code)
    assert not access.redeem(code)
    codes = [access.issue() for _ in range(20)]
    assert [access.redeem(one) for one in codes] == [False] * 4 + [True] * 16


def test_photos_of_phones_are_shown_as_upright_jpegs_without_their_metadata(tmp_path: Path) -> None:
    import numpy as np

    (tmp_path / "a.heic").write_bytes(heic(np.asarray(image(1, 64, 32))))
    assert Image.open(io.BytesIO(whole(tmp_path / "a.heic"))).format == "JPEG"
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    exif[0x8825] = {1: "N", 2: (52.0, 30.0, 0.0)}  # where it was taken
    image(2, 90, 60).save(tmp_path / "b.jpg", exif=exif, comment=b"secret")
    shown = Image.open(io.BytesIO(whole(tmp_path / "b.jpg")))
    assert shown.size == (60, 90)
    assert not shown.getexif()
    assert "comment" not in shown.info


def test_thumbnails_are_kept_within_a_limit_and_follow_their_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "_PRUNE_EVERY", 2)
    thumbnails = Thumbnails(tmp_path / "cache")
    fill(tmp_path, *range(4))
    first = thumbnails.thumbnail(tmp_path / "0.png")
    monkeypatch.setattr(pictures, "_MOST_BYTES", 2 * len(first) + len(first) // 2)
    kept = [path.name for path in (tmp_path / "cache" / "thumbnails").iterdir()]
    (tmp_path / "0.png").rename(tmp_path / "moved.png")
    (tmp_path / "cache" / "thumbnails" / kept[0]).write_bytes(first[:-5])  # as after a power cut
    assert thumbnails.thumbnail(tmp_path / "moved.png") == first
    assert [path.name for path in (tmp_path / "cache" / "thumbnails").iterdir()] == kept
    for number in (1, 2, 3):
        thumbnails.thumbnail(tmp_path / f"{number}.png")
        for age, path in enumerate(sorted((tmp_path / "cache" / "thumbnails").iterdir())):
            os.utime(path, (age, age))
    assert len(list((tmp_path / "cache" / "thumbnails").iterdir())) <= 3
    shutil.rmtree(tmp_path / "cache")
    (tmp_path / "cache").write_text("no folder")  # as on a disk that takes nothing
    assert thumbnails.thumbnail(tmp_path / "moved.png") == first


def test_the_command_serves_until_ctrl_c_and_says_what_was_sorted(tmp_path: Path) -> None:
    fill(tmp_path / "inbox", 1, 2, 3)
    fill(tmp_path / "photos" / "cats", 10)
    graft = [
        sys.executable, "-m", "graft_host.cli", "sort", str(tmp_path / "inbox"), str(tmp_path / "photos"),
        "--no-browser", "--weights", "random", "--cache", str(tmp_path / "cache"),
    ]  # fmt: skip
    with sorting(tmp_path, *graft) as page:
        client = entered(page.address())
        state = client.ask("GET", "/v1/sorting").json()
        ids = [one["id"] for group in state["groups"] for one in group["pictures"]]
        to = {"kind": "class", "label": "cats"}
        done = client.ask("POST", "/v1/moves", {"pictures": ids[:2], "to": to}).json()
        assert done["done"]["text"] == "2 pictures to cats"
        assert done["classes"] == [{"label": "cats", "photos": 3}]
        with sorting(tmp_path, *graft) as second:
            assert second.process.wait(120) == 1
            assert any("is being sorted by another 'graft sort'" in line for line in second.said)
        assert page.end() == 0
        assert page.process.stdout is not None
        assert page.process.stdout.read() == "cats  +2\n1 picture is still in the inbox\n"
    with sorting(tmp_path, *graft, "--port", str(free_port()), "--json") as page:
        assert entered(page.address()).ask("POST", "/v1/undo", {}).json()["moved"] == 0
        assert page.end() == 0
        assert page.process.stdout is not None
        assert '"classes": {"cats": -2}' in page.process.stdout.read()
