from __future__ import annotations

import contextlib
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from graft_device.errors import CacheError
from graft_host.support.sqlite_errors import sqlite_code
from graft_host.support.vector_store import BottleneckStore
from tests.support.background import start_python
from tests.support.host_data import open_folder, run_on_small_disk, without_privileges

INT8 = np.dtype(np.int8)
LENGTH = 1024
CHECKSUM = 4  # bytes

# Row i of a writer is all i % 100; a batch is 7 rows, so a whole cache holds a multiple of that.
_BATCH = 7
_WRITER = f"""
import sys, time
import numpy as np
from pathlib import Path
from graft_host.support.vector_store import BottleneckStore
path, name, start, batches = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
print("ready")
while time.time() < start:
    pass
with BottleneckStore(path, np.dtype(np.int8), {LENGTH}) as store:
    for batch in range(batches):
        rows = range({_BATCH} * batch, {_BATCH} * (batch + 1))
        store.put([(f"{{name}}/{{i}}", np.full({LENGTH}, i % 100, np.int8)) for i in rows])
        print(batch)
"""

# Opens one new cache after another, at times that several of them agree on.
_OPENER = f"""
import sys, time
import numpy as np
from pathlib import Path
from graft_host.support.vector_store import BottleneckStore
folder, name, start = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
for attempt in range(40):
    while time.time() < start + 0.03 * attempt:
        pass
    with BottleneckStore(folder / str(attempt) / "cache.sqlite", np.dtype(np.int8), {LENGTH}) as store:
        store.put([(name, np.zeros({LENGTH}, np.int8))])
print(attempt + 1)
"""


def _row(value: int) -> NDArray[np.int8]:
    return np.full(LENGTH, value % 100, np.int8)


def _keys(name: str, count: int) -> list[str]:
    return [f"{name}/{index}" for index in range(count)]


def _open(path: Path) -> BottleneckStore:
    return BottleneckStore(path, INT8, LENGTH)


def test_vectors_come_back_in_the_order_asked_for(tmp_path: Path) -> None:
    count = 1203  # more than a query takes
    with _open(tmp_path / "new" / "cache.sqlite") as store:
        store.put([(key, _row(index)) for index, key in enumerate(_keys("a", count))])
        order = np.random.default_rng(0).permutation(count)
        rows = store.matrix([f"a/{index}" for index in order])
    assert rows.shape == (count, LENGTH)
    assert rows.dtype == np.int8
    assert np.array_equal(rows, np.stack([_row(int(index)) for index in order]))


def test_a_key_may_be_asked_for_twice(tmp_path: Path) -> None:
    with _open(tmp_path / "cache.sqlite") as store:
        store.put([("a", _row(1)), ("b", _row(2))])
        assert store.matrix(["b", "a", "b"])[:, 0].tolist() == [2, 1, 2]
        assert store.matrix([]).shape == (0, LENGTH)


def test_stored_keys_are_known(tmp_path: Path) -> None:
    with _open(tmp_path / "cache.sqlite") as store:
        assert store.known(["a/1"]) == set()
        store.put([(key, _row(0)) for key in _keys("a", 1100)])
        assert store.known([*_keys("a", 1200), 'it\'s "quoted"', "a/1"]) == set(_keys("a", 1100))
        assert store.known([]) == set()


def test_vectors_survive_reopening_and_a_later_value_replaces_an_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    with _open(path) as store:
        store.put([("a", _row(1)), ("b", _row(2))])
    with _open(path) as store:
        store.put([("a", _row(3))])
    with _open(path) as store:
        assert store.matrix(["a", "b"])[:, 0].tolist() == [3, 2]


@pytest.mark.parametrize("dtype", [np.float32, ">f4", np.int8])
def test_values_are_stored_exactly(tmp_path: Path, dtype: str) -> None:
    vector = np.array([0.1, -3.5, 100], np.float32).astype(dtype)
    path = tmp_path / "cache.sqlite"
    with BottleneckStore(path, np.dtype(dtype), 3) as store:
        store.put([("a", vector)])
        assert np.array_equal(store.matrix(["a"])[0], vector)
    with sqlite3.connect(path) as raw:
        ((stored,),) = raw.execute("SELECT vector FROM bottlenecks").fetchall()
    raw.close()
    assert stored[:-CHECKSUM] == vector.astype(np.dtype(dtype).newbyteorder("<")).tobytes()


def test_an_unknown_key_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with _open(tmp_path / "cache.sqlite") as store:
        store.put([("a", _row(1))])
        with pytest.raises(CacheError, match=r"lost 2 bottlenecks.*run the command again"):
            store.matrix(["a", "b", "c", "b"])


def test_a_vector_of_another_length_or_type_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    with _open(path) as store:
        store.put([("a", _row(1))])
    with sqlite3.connect(path) as raw:
        raw.executemany("INSERT INTO bottlenecks VALUES (?, ?)", [("short", b"x"), ("text", "x" * (LENGTH + CHECKSUM))])
    raw.close()
    with _open(path) as store:
        assert store.known(["a", "short", "text"]) == {"a"}
        assert store.damaged == set()
        with pytest.raises(CacheError, match="lost 1"):
            store.matrix(["a", "text"])


def _change(path: Path, key: str, change: Callable[[bytes], bytes]) -> None:
    """Changes the value of a key, as a failing disk would."""
    with sqlite3.connect(path) as raw:
        ((stored,),) = raw.execute("SELECT vector FROM bottlenecks WHERE key = ?", [key]).fetchall()
        raw.execute("UPDATE bottlenecks SET vector = ? WHERE key = ?", [change(stored), key])
    raw.close()


def test_a_damaged_vector_counts_as_absent_until_it_is_stored_again(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    others: list[bytes] = []

    def put_others(stored: bytes) -> bytes:
        others.append(stored)
        return others[0]

    changes: dict[str, Callable[[bytes], bytes]] = {
        "good": put_others,
        "one bit": lambda stored: stored[:500] + bytes([stored[500] ^ 1]) + stored[501:],
        "all": lambda stored: bytes(byte ^ 0x55 for byte in stored[:-CHECKSUM]) + stored[-CHECKSUM:],
        "zeros": lambda stored: bytes(len(stored)),
        "checksum": lambda stored: stored[:-1] + bytes([stored[-1] ^ 1]),
        "another's": put_others,
    }
    with _open(path) as store:
        store.put([(name, _row(index)) for index, name in enumerate(changes)])
    for name, change in changes.items():
        _change(path, name, change)
    with _open(path) as store:
        assert store.known(changes) == {"good"}
        assert store.damaged == changes.keys() - {"good"}
        with pytest.raises(CacheError, match="lost 5"):
            store.matrix(list(changes))
        store.put([(name, _row(7)) for name in changes])
    with _open(path) as store:
        assert store.known(changes) == changes.keys()
        assert store.damaged == set()
        assert (store.matrix(list(changes)) == 7).all()


def test_rows_of_an_earlier_version_without_a_checksum_are_absent_not_damaged(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    with _open(path) as store:
        store.put([("a", _row(1)), ("b", _row(2))])
    _change(path, "a", lambda stored: stored[:-CHECKSUM])
    with _open(path) as store:
        assert store.known("ab") == {"b"}
        assert store.damaged == set()
        store.put([("a", _row(1))])
        assert store.matrix(["a", "b"])[:, 0].tolist() == [1, 2]


def test_an_error_within_a_batch_stores_none_of_it(tmp_path: Path) -> None:
    with _open(tmp_path / "cache.sqlite") as store:
        with pytest.raises(AttributeError):
            store.put([("a", _row(1)), ("b", None)])  # type: ignore[list-item]
        assert store.known(["a", "b"]) == set()


def test_a_new_cache_may_be_opened_by_several_runs_at_the_same_moment(tmp_path: Path) -> None:
    start = time.time() + 0.7
    runs = [start_python(_OPENER, tmp_path, name, start) for name in ("a", "b", "c", "d")]
    outputs = [run.communicate()[0] for run in runs]
    assert outputs == ["40\n"] * 4
    for attempt in range(40):
        with _open(tmp_path / str(attempt) / "cache.sqlite") as store:
            assert store.known("abcd") == set("abcd")


def test_several_runs_may_begin_and_write_at_once(tmp_path: Path) -> None:
    for attempt in range(2):
        path = tmp_path / str(attempt) / "cache.sqlite"
        start = time.time() + 0.7
        writers = [start_python(_WRITER, path, name, start, 20) for name in ("a", "b", "c")]
        outputs = [writer.communicate()[0].split() for writer in writers]
        assert [writer.returncode for writer in writers] == [0, 0, 0]
        assert all(words[-1] == "19" for words in outputs)
        with _open(path) as store:
            for name in ("a", "b", "c"):
                assert np.array_equal(store.matrix(_keys(name, 140)), np.stack([_row(i) for i in range(140)]))


def test_a_kill_at_any_moment_leaves_only_whole_batches(tmp_path: Path) -> None:
    path, most = tmp_path / "cache.sqlite", 2000
    code = f"{_WRITER}\ntime.sleep(600)"  # it does not end by itself, however late the kill comes
    for attempt in range(12):
        name = f"run{attempt}"
        with start_python(code, path, name, 0, most) as writer:
            assert writer.stdout is not None
            reported = -1
            for line in writer.stdout:
                reported = int(line) if line.strip().isdigit() else -1
                if reported >= 0:
                    break
            time.sleep(0.0053 * attempt)
            writer.kill()
            reported = max([reported, *(int(line) for line in writer.stdout.read().split("\n")[:-1])])
        with _open(path) as store:
            count = len(store.known(_keys(name, _BATCH * most)))
            # Everything reported is stored, and perhaps one more batch that was killed before it was reported.
            assert count % _BATCH == 0
            assert count >= _BATCH * (reported + 1)
            assert np.array_equal(store.matrix(_keys(name, count)), np.stack([_row(i) for i in range(count)]))
        with sqlite3.connect(path) as raw:
            assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        raw.close()


def test_a_reader_and_a_writer_do_not_wait_for_each_other(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    with _open(path) as reader, _open(path) as writer:
        writer.put([("a", _row(1))])
        raw = sqlite3.connect(path, isolation_level=None)
        raw.execute("BEGIN IMMEDIATE")
        assert reader.known(["a"]) == {"a"}
        assert reader.matrix(["a"])[0, 0] == 1
        raw.execute("ROLLBACK")
        raw.close()


# Problems with the file, the folder and the disk


def _filled(path: Path) -> bytes:
    with _open(path) as store:
        store.put([(key, _row(index)) for index, key in enumerate(_keys("a", 60))])
    return path.read_bytes()


def _use(path: Path) -> None:
    with _open(path) as store:
        store.put([("z", _row(9))])
        known = sorted(store.known(_keys("a", 60)))
        store.matrix(known)


@pytest.mark.parametrize("damage", ["text", "header", "cut", "zeros", "pages", "version"])
def test_a_damaged_file_is_put_aside_and_a_new_one_takes_its_place(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "cache.sqlite"
    data = _filled(path)
    damaged = {
        "text": b"not a database at all, but long enough to be looked at" * 50,
        "header": b"x" * 4096 + data[4096:],
        "cut": data[: len(data) // 2],
        "zeros": data[:16] + bytes(len(data) - 16),
        "pages": data[:4096] + b"\xff" * (len(data) - 4096),
        "version": data[:18] + b"\x09" + data[19:],
    }
    path.write_bytes(damaged[damage])
    (tmp_path / "cache.sqlite.damaged-20200101T000000Z").write_bytes(b"of an earlier time")
    with _open(path) as store:
        known = store.known(_keys("a", 60))
        store.put([("z", _row(7)), *((key, _row(7)) for key in _keys("a", 60) if key not in known)])
        assert store.known(_keys("a", 60)) == set(_keys("a", 60))
        put_aside = store.put_aside
        rows = store.matrix(_keys("a", 60))
    assert all((row == (index if f"a/{index}" in known else 7)).all() for index, row in enumerate(rows))
    assert put_aside is not None
    assert sorted(other for other in tmp_path.iterdir() if "damaged" in other.name) == [put_aside]
    assert put_aside.name.startswith("cache.sqlite.damaged-2")
    with _open(path) as store:
        assert store.known(_keys("a", 60)) == set(_keys("a", 60))
        assert store.put_aside is None


def test_what_was_known_before_the_damage_showed_is_saved(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    keys = _keys("a", 60)
    data = bytearray(_filled(path))
    pages = range(4096, len(data), 4096)
    saved = 0
    for page in pages:
        damaged = bytearray(data)
        damaged[page : page + 100] = b"\xff" * 100
        for other in tmp_path.iterdir():
            other.unlink()
        path.write_bytes(damaged)
        with _open(path) as store:
            half = store.known(keys[:5])
            before = store.put_aside
            store.known(keys)
            if store.put_aside is not before:
                saved += len(half)
                assert store.known(keys[:5]) >= half
            assert all((row == int(key[2:])).all() for key, row in zip(half, store.matrix(list(half)), strict=True))
    assert saved > 0


def test_a_file_that_another_run_has_replaced_already_is_used(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    data = _filled(path)
    path.write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))
    with _open(path) as first, _open(path) as second:
        assert first.known(["a/1"]) == set()
        first.put([("a/1", _row(5))])
        assert first.put_aside is not None
        assert second.known(["a/1"]) == {"a/1"}
        assert second.put_aside is None
        assert first.matrix(["a/1"])[0, 0] == second.matrix(["a/1"])[0, 0] == 5


def test_another_programs_database_is_put_aside_whole(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE bottlenecks (name TEXT, wine BLOB)")
        raw.execute("INSERT INTO bottlenecks VALUES ('red', x'01')")
    raw.close()
    with _open(path) as store:
        store.put([("a", _row(1))])
        aside = store.put_aside
    assert aside is not None
    with contextlib.closing(sqlite3.connect(aside)) as raw:
        assert raw.execute("SELECT name FROM bottlenecks").fetchall() == [("red",)]


@pytest.mark.parametrize("kind", ["number", "blob", "null"])
def test_a_key_of_another_type_is_no_row(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "cache.sqlite"
    _filled(path)
    key: object = {"number": 12, "blob": b"a/1", "null": None}[kind]
    with contextlib.closing(sqlite3.connect(path)) as raw:
        raw.execute("ALTER TABLE bottlenecks RENAME TO old")
        raw.execute("CREATE TABLE bottlenecks (key PRIMARY KEY, vector BLOB NOT NULL)")
        raw.execute("INSERT INTO bottlenecks SELECT * FROM old")
        raw.execute("UPDATE bottlenecks SET key = ? WHERE key = 'a/1'", [key])
        raw.commit()
    with _open(path) as store:
        assert store.known([*_keys("a", 60), "12"]) == set(_keys("a", 60)) - {"a/1"}


def test_damage_anywhere_gives_right_vectors_or_none(tmp_path: Path) -> None:
    """40 bytes of each of 300 files are changed (seed 0): no error, no wrong vector, and all are stored again."""
    path = tmp_path / "filled" / "cache.sqlite"
    good, keys = _filled(path), _keys("a", 60)
    rng = np.random.default_rng(0)
    put_aside = again = 0
    for attempt in range(300):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        data = bytearray(good)
        for place in rng.integers(0, len(data) if attempt % 2 else 6000, 40):
            data[place] = rng.integers(256)
        (folder / "cache.sqlite").write_bytes(data)
        rows, aside = _all_rows(folder / "cache.sqlite", keys)
        if rows is None:  # what was found a moment before was lost
            again += 1
            rows, _ = _all_rows(folder / "cache.sqlite", keys)
        put_aside += aside
        assert rows is not None
        assert np.array_equal(rows, np.stack([_row(index) for index in range(60)]))
        shutil.rmtree(folder)
    assert put_aside > 10
    assert again < 5


def _all_rows(path: Path, keys: list[str]) -> tuple[NDArray[np.generic] | None, bool]:
    """Stores the rows that are not known, reads all, and returns them with whether a damaged file was put aside."""
    with _open(path) as store:
        known = store.known(keys)
        store.put([(key, _row(index)) for index, key in enumerate(keys) if key not in known])
        try:
            return store.matrix(keys), store.put_aside is not None
        except CacheError as error:
            assert error.remedy == "run the command again"  # noqa: PT017  either outcome is right
            return None, store.put_aside is not None


def test_a_full_disk_is_an_error_and_stored_vectors_are_kept() -> None:
    output = run_on_small_disk(
        1024,
        f"""
import sys
import numpy as np
from pathlib import Path
from graft_device.errors import CacheError
from graft_host.support.vector_store import BottleneckStore
path = Path(sys.argv[1]) / "cache.sqlite"
stored = 0
try:
    with BottleneckStore(path, np.dtype(np.int8), {LENGTH}) as store:
        for i in range(2000):
            store.put([(str(i), np.full({LENGTH}, i % 100, np.int8))])
            stored += 1
except CacheError as error:
    print(error)
with BottleneckStore(path, np.dtype(np.int8), {LENGTH}) as store:
    found = store.matrix([str(i) for i in range(stored)])
    print(stored > 20, bool((found.T == np.arange(stored) % 100).all()))
""",
    )
    error, rows = output.splitlines()
    assert "the disk is full" in error
    assert "--cache DIR" in error
    assert rows == "True True"


@pytest.mark.parametrize("kibibytes", [4, 8, 16, 32, 40])
def test_a_disk_without_room_for_a_cache_is_reported_as_full(kibibytes: int) -> None:
    output = run_on_small_disk(
        kibibytes,
        """
import sys
import numpy as np
from pathlib import Path
from graft_device.errors import CacheError
from graft_host.support.vector_store import BottleneckStore
try:
    with BottleneckStore(Path(sys.argv[1]) / "new" / "cache.sqlite", np.dtype(np.int8), 2048) as store:
        store.put([(str(i), np.zeros(2048, np.int8)) for i in range(20)])
except CacheError as error:
    print(error)
""",
    )
    assert "the disk is full" in output


@pytest.mark.parametrize("filled", [False, True])
def test_a_folder_without_write_permission(filled: bool) -> None:
    with open_folder() as folder:
        path = folder / "cache" / "cache.sqlite"
        path.parent.mkdir()
        if filled:
            _filled(path)
        path.parent.chmod(0o555)
        with without_privileges(), pytest.raises(CacheError, match=r"cache\.sqlite: .*--cache DIR") as caught:
            _use(path)
        assert "\n" not in str(caught.value)
        assert "damaged" not in str(caught.value)


def test_a_folder_that_cannot_be_created(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CacheError, match="--cache DIR"):
        _open(tmp_path / "file" / "cache.sqlite")


def _refusal(path: Path, statement: str, timeout: float = 0) -> sqlite3.Error:
    with contextlib.closing(sqlite3.connect(path, timeout=timeout)) as raw, pytest.raises(sqlite3.Error) as caught:
        raw.execute(statement)
    return caught.value


@pytest.mark.parametrize("kind", ["locked", "damaged", "not a database", "another table"])
def test_errors_without_a_code_are_recognised_by_sqlites_text(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "cache.sqlite"
    data = _filled(path)
    if kind == "locked":
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            error = _refusal(path, "BEGIN IMMEDIATE")
    elif kind == "another table":
        error = _refusal(path, "SELECT wine FROM bottlenecks")
    else:
        path.write_bytes(data[:4096] + b"\xff" * (len(data) - 4096) if kind == "damaged" else b"x" * len(data))
        error = _refusal(path, "SELECT count(vector), max(key) FROM bottlenecks")
    expected = {"locked": 5, "damaged": 11, "not a database": 26, "another table": 1}[kind]
    assert sqlite_code(error) == expected
    assert sqlite_code(type(error)(str(error))) == expected, "as on Python 3.10, where errors have no code"
