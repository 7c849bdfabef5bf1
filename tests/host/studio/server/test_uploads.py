"""What the studio's server takes from pages, what it refuses, and the pictures that it gives."""

from __future__ import annotations

import io
import resource
import socket
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.heic import heic
from tests.support.host_data import image_bytes
from tests.support.running import eventually
from tests.support.studio import RunningStudio, studio
from tests.support.studio_client import StudioClient, entered


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningStudio, StudioClient]]:
    """A studio, and a client that it has let in."""
    root = tmp_path_factory.mktemp("uploads")
    with studio(root / "pets", environment={"GRAFT_CACHE": str(root / "cache")}) as running:
        yield running, entered(running.address())


@pytest.fixture
def client(served: tuple[RunningStudio, StudioClient]) -> Iterator[StudioClient]:
    """The client; afterwards, nothing half-written is there, and the server has noticed nothing unexpected."""
    running, client = served
    yield client
    assert litter(running.root) == []
    assert [line for line in running.said if "unexpected" in line] == []


def litter(root: Path) -> list[str]:
    """Files that are neither photos nor what the studio keeps for itself."""
    partial = [path.name for path in (root / ".studio/incoming").rglob("*") if path.is_file() and path.name != "lock"]
    return partial + [path.name for path in root.rglob("*.tmp")]


def names(root: Path, label: str) -> list[str]:
    return sorted(path.name for path in (root / "photos" / label).glob("*"))


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def png(width: int, height: int) -> bytes:
    """A PNG of one colour: small, however many pixels it has."""
    buffer = io.BytesIO()
    Image.new("1", (width, height)).save(buffer, "PNG")
    return buffer.getvalue()


def test_photos_are_added_once_and_shown_as_jpegs_that_browsers_keep(
    served: tuple[RunningStudio, StudioClient], client: StudioClient
) -> None:
    photo = heic(np.full((64, 96, 3), 120, np.uint8))
    assert client.upload(photo, label="shot", name="IMG_1.HEIC").json() == {"added": 1, "twins": 0, "refused": []}
    assert client.upload(photo, label="shot", name="b.heic").json() == {"added": 0, "twins": 1, "refused": []}
    assert names(served[0].root, "shot") == ["IMG_1.HEIC"]
    status = (served[0].root / "photos/shot/IMG_1.HEIC").stat()
    version = f"{status.st_mtime_ns:x}-{status.st_size:x}"
    for kind in ("thumbnails", "photos"):
        address = f"/media/{kind}/shot/IMG_1.HEIC"
        answer = client.ask("GET", address, v=version)
        assert answer.status == 200
        assert Image.open(io.BytesIO(answer.body)).format == "JPEG"
        assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
        assert client.ask("GET", address, headers={"If-None-Match": answer.headers["etag"]}).status == 304
        assert "immutable" not in client.ask("GET", address, v="other").headers["cache-control"]
        for wrong in ("shot/none.jpg", "%2e%2e/studio.toml", "..%2Fstudio.toml", "shot/%00.jpg", "shot"):
            assert client.ask("GET", f"/media/{kind}/{wrong}").status == 404
        other = StudioClient(client.netloc, "x=y")
        assert other.ask("GET", address).status == 401
    assert other.upload(photo, label="shot", name="c.heic").status == 401


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("../../evil.jpg", "evil.jpg"),
        ("..\\..\\evil2.jpg", "evil2.jpg"),
        ("/etc/cron.d/job", "job.jpg"),
        ("x" * 300 + ".jpg", "x" * 120 + ".jpg"),
        ("a\x00b\x1b[31m\u202ec.jpg", "ab[31mc.jpg"),
        ("\U0001f431 one.JPG", "\U0001f431 one.JPG"),
        (".hidden.jpg", "hidden.jpg"),
        ("Thumbs.db", "Thumbs.db.jpg"),
        ("picture.png", "picture.jpg"),
        ("...", "photo.jpg"),
        ("", "photo.jpg"),
    ],
)
def test_no_name_leads_out_of_the_class_or_hides_a_photo(
    served: tuple[RunningStudio, StudioClient], client: StudioClient, given: str, expected: str
) -> None:
    before = names(served[0].root, "named")
    content = image_bytes(sum(map(ord, given)), "JPEG")
    assert client.upload(content, label="named", name=given).json()["added"] == 1
    after = names(served[0].root, "named")
    (new,) = {*after} - {*before}
    assert new.replace("photo-2", "photo") == expected


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"this is a text", "not a JPEG"),
        (image_bytes(3, "JPEG")[:-300], "cut short"),
        (png(9500, 9500), "too large to decode"),
        (b"\x89PNG\r\n\x1a\n", ""),
    ],
)
def test_what_is_no_photo_is_refused_with_the_reason(client: StudioClient, content: bytes, reason: str) -> None:
    told = client.upload(content, label="bad", name="a.jpg").json()
    assert (told["added"], told["twins"], [one["name"] for one in told["refused"]]) == (0, 0, ["a.jpg"])
    assert reason in told["refused"][0]["reason"]


def test_requests_that_are_no_uploads_are_refused(
    served: tuple[RunningStudio, StudioClient], client: StudioClient
) -> None:
    photo = image_bytes(60)
    assert client.upload(b"", label="bad", name="a.jpg").status == 400
    assert "choose a class" in client.upload(photo, name="a.jpg").detail
    assert client.upload(photo, label="../up", name="a.jpg").status == 409
    assert client.upload(photo, label="x" * 1001, name="a.jpg").status == 400
    huge = f"POST /upload?label=bad&name=a.jpg HTTP/1.1\r\nContent-Length: {10**12}"
    assert b" 413 " in client.raw(huge, b"").splitlines()[0]
    client.raw("POST /upload?label=bad&name=a.jpg HTTP/1.1\r\nContent-Length: 5000", photo)  # leaves halfway
    client.raw("POST /upload?label=bad&name=a.zip HTTP/1.1\r\nContent-Length: 5000", photo)
    client.raw("POST /upload?label=short&name=a.png HTTP/1.1\r\nContent-Length: 20", photo)
    eventually(lambda: litter(served[0].root) == [])
    assert not (served[0].root / "photos/bad").exists()
    assert not (served[0].root / "photos/short").exists()
    assert client.upload(photo, name="folder/dropped/a.jpg").json()["added"] == 1
    assert names(served[0].root, "dropped") == ["a.png"]


def test_archives_become_classes_within_limits(
    served: tuple[RunningStudio, StudioClient], client: StudioClient
) -> None:
    photos = {f"{label}/{number}.png": image_bytes(70 + number) for number, label in enumerate(["red", "red", "blue"])}
    files = {**photos, "red/notes.txt": b"of a person", "__MACOSX/red/._0.png": b"of a system"}
    told = client.upload(zipped({f"set/{name}": content for name, content in files.items()}), name="set.zip").json()
    assert told["added"] == 3
    assert [one["name"] for one in told["refused"]] == ["set/red/notes.txt"]
    assert (names(served[0].root, "red"), names(served[0].root, "blue")) == (["0.png", "1.png"], ["2.png"])
    assert client.upload(zipped(files), label="all", name="x.ZIP").json()["added"] == 3

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        bomb = tarfile.TarInfo("red/bomb.png")
        bomb.size = 30_000_000_000
        tar.addfile(bomb)
    assert "more than" in client.upload(buffer.getvalue(), name="bomb.tgz").detail
    assert "cannot be unpacked" in client.upload(b"PK\x03\x04 and no more", name="cut.zip").detail
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        link = tarfile.TarInfo("red/link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    assert "cannot be unpacked" in client.upload(out.getvalue(), name="up.tar").detail
    up = zipped({"../../above.png": image_bytes(99), "red/x.png": image_bytes(98)})
    assert client.upload(up, label="red", name="z.zip").json()["added"] == 2
    assert names(served[0].root, "red") == ["0.png", "1.png", "above.png", "x.png"]
    mixed = zipped({"green/a.png": image_bytes(97), "train/x/b.png": image_bytes(96)})
    told = client.upload(mixed, name="mixed.zip").json()
    assert (told["added"], told["refused"][0]["name"]) == (1, "mixed.zip")
    assert "'train' would name a part of the split" in told["refused"][0]["reason"]
    assert names(served[0].root, "green") == ["a.png"]
    assert {path.name for path in served[0].root.parent.iterdir()} == {"pets", "cache"}


def test_a_full_disk_is_named_and_leaves_nothing(
    served: tuple[RunningStudio, StudioClient], client: StudioClient
) -> None:
    pid, photo = served[0].process.pid, image_bytes(7)
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (len(photo) // 2, before[1]))
    try:  # a small photo is written when its file is closed, a large one before
        for content in (photo, photo + bytes(100_000)):
            answer = client.upload(content, label="full", name="a.png")
            assert (answer.status, answer.detail) == (507, "cannot write 'a.png': file too large")
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    assert client.upload(photo, label="full", name="a.png").json()["added"] == 1


def test_a_studio_that_is_killed_in_an_upload_leaves_nothing_after_the_next_start(tmp_path: Path) -> None:
    root, environment = tmp_path / "pets", {"GRAFT_CACHE": str(tmp_path / "cache")}
    with studio(root, environment=environment) as running:
        client = entered(running.address())
        host, _, port = client.netloc.rpartition(":")
        with socket.create_connection((host, int(port))) as connection:
            head = f"POST /upload?label=cat&name=a.jpg HTTP/1.1\r\nHost: {client.netloc}\r\nCookie: {client.cookie}\r\n"
            connection.sendall(f"{head}Content-Length: 100000\r\n\r\nhalf".encode())
            eventually(lambda: len(litter(root)) == 1)
            running.process.kill()
            running.process.wait()
        assert len(litter(root)) == 1
    with studio(root, environment=environment) as running:
        client = entered(running.address())
        assert litter(root) == []
        assert client.upload(image_bytes(1), label="cat", name="a.png").json()["added"] == 1
