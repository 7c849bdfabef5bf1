"""Lists of photos with their labels, in the forms that people have."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft_device.errors import DatasetError
from graft_host.photos.given.label_files import Listed, read_label_file

TWO = [Listed("a.jpg", ("cats",)), Listed("in/b.jpg", ("dogs",))]


def read(folder: Path, name: str, text: str) -> list[Listed]:
    """What a file with this text lists."""
    (folder / name).write_text(text, "utf-8")
    return read_label_file(folder / name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.csv", "a.jpg,cats\nin/b.jpg,dogs\n"),
        ("labels.csv", "path,label\na.jpg,cats\n\nin/b.jpg,dogs"),
        ("labels.csv", "\ufeffFilename;Class\r\na.jpg;cats\r\nin/b.jpg;dogs\r\n"),
        ("labels.tsv", "image\tcategory\twidth\na.jpg\tcats\t10\nin/b.jpg\tdogs\t20\n"),
        ("_classes.csv", "filename, cats, dogs\na.jpg, 1, 0\nin/b.jpg, 0, 1\n"),
        ("labels.json", '{"a.jpg": "cats", "in/b.jpg": "dogs"}'),
        ("labels.json", '[{"path": "a.jpg", "label": "cats"}, {"path": "in/b.jpg", "label": "dogs"}]'),
        ("metadata.jsonl", '{"file_name": "a.jpg", "label": "cats"}\n{"file_name": "in/b.jpg", "label": "dogs"}\n'),
    ],
)
def test_a_list_is_read_in_all_its_forms(tmp_path: Path, name: str, text: str) -> None:
    assert read(tmp_path, name, text) == TWO


def test_coco_annotations_give_an_image_the_labels_of_its_annotations(tmp_path: Path) -> None:
    content = {
        "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}, {"id": 3, "file_name": "c.jpg"}],
        "annotations": [
            {"image_id": 1, "category_id": 7},
            {"image_id": 1, "category_id": 7},
            {"image_id": 2, "category_id": 7},
            {"image_id": 2, "category_id": 8},
        ],
        "categories": [{"id": 7, "name": "cats"}, {"id": 8, "name": "dogs"}],
    }
    listed = read(tmp_path, "_annotations.coco.json", json.dumps(content))
    assert [(one.path, one.labels) for one in listed] == [
        ("a.jpg", ("cats",)),
        ("b.jpg", ("cats", "dogs")),
        ("c.jpg", ()),
    ]


@pytest.mark.parametrize("text", ["a.jpg,cats,val\n", "path,label,split\na.jpg,cats,val\n"])
def test_a_third_column_gives_the_part_of_the_split(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, "labels.csv", text) == [Listed("a.jpg", ("cats",), "val")]


@given(st.lists(st.tuples(*[st.text("abc ,;\"'é\n", min_size=1).map(str.strip).filter(bool)] * 2), min_size=1))
def test_whatever_csv_can_hold_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([("path", "label"), *rows])
    listed = read(tmp_path_factory.mktemp("lists"), "labels.csv", text.getvalue())
    assert listed == [Listed(path, (label,)) for path, label in rows]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("labels.csv", "", "lists no photo"),
        ("labels.csv", "a.jpg\n", "line 1 .* has 1 columns"),
        ("labels.csv", "path,label\na.jpg\n", "line 2 .* has 1 columns"),
        ("labels.csv", "path,width\na.jpg,7\n", "line 2 .* has no label"),
        ("labels.json", "[1]", "without a path or a label"),
        ("labels.json", '{"a": 1}', "not known"),
        ("labels.json", "{", "cannot be read"),
        ("labels.json", "[" * 100_000, "cannot be read"),
        ("labels.json", '{"images": [{}], "annotations": [], "categories": []}', "COCO"),
        ("labels.jsonl", '{"path": "a"}', "without a path or a label"),
    ],
)
def test_what_is_no_list_is_said_in_one_line(tmp_path: Path, name: str, text: str, says: str) -> None:
    with pytest.raises(DatasetError, match=says):
        read(tmp_path, name, text)


def test_a_list_in_another_encoding_or_a_missing_one_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes(b"a.jpg,caf\xe9\n")
    with pytest.raises(DatasetError, match="UTF-8"):
        read_label_file(tmp_path / "labels.csv")
    with pytest.raises(DatasetError, match="cannot read"):
        read_label_file(tmp_path / "none.csv")
