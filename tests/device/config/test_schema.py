"""The JSON Schema of the file, and the file to begin with: both follow from the keys."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import tomllib
from jsonschema import Draft7Validator

from graft_device.config.mistakes import ConfigError
from graft_device.config.reading import read_board
from graft_device.config.schema import SCHEMA_FILE, schema, schema_text
from graft_device.config.tables import all_tables
from graft_device.config.template import Start, template
from tests.support.board_files import FULL, SMALL

TEMPLATE = template(Start("pets", "pets.tflite", "door", "/dev/video0"), "board.toml", "./board.schema.json")


def faults(text: str) -> list[Any]:
    return list(Draft7Validator(schema()).iter_errors(tomllib.loads(text)))


def test_the_shipped_schema_is_the_one_of_the_keys() -> None:
    """After a change of the keys, write it again: SCHEMA_FILE.write_text(schema_text())."""
    assert SCHEMA_FILE.read_text("utf-8") == schema_text()
    Draft7Validator.check_schema(schema())


@pytest.mark.parametrize("text", [SMALL, FULL, TEMPLATE], ids=["small", "full", "template"])
def test_sound_files_fit_the_schema(text: str) -> None:
    assert faults(text) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("top-k = 2", "top-k = 0"),
        ("top-k = 2", "top-k = 2.5"),
        ("top-k = 2", "colour = 2"),
        ('confirm = "3/5"', 'confirm = "3/x"'),
        ("every = 0.5", "every = 0.5\nfps = 2"),
        ('place = "picamera2"', ""),
        ('roi = "10,20,300,200"', 'roi = "10,20"'),
        ('kind = "gpio"', 'kind = "gpoi"'),
        ('kind = "gpio"', 'kind = "exec"'),
        ("pin = 17", "pin = 99"),
        ('"mqtts://graft@broker.local/door"', '"https://broker"'),
        ('after = "22:00"', 'after = "24:00"'),
        ('"sat", "sun"', '"sat", "sunday"'),
        ('sinks = ["phone", "mail"]', "sinks = []"),
        ('listen = "[::]:8080"', 'listen = "8080"'),
        ("days = 7", "days = true"),
        ("[events]", "[event]"),
    ],
)
def test_a_mistake_that_a_schema_can_know_is_one_for_both(old: str, new: str, tmp_path: Path) -> None:
    assert FULL.count(old) == 1
    text = FULL.replace(old, new)
    assert faults(text)
    (tmp_path / "board.toml").write_text(text)
    with pytest.raises(ConfigError):
        read_board(tmp_path / "board.toml")


def test_every_key_is_in_the_schema_with_its_help() -> None:
    text = schema_text()
    keys = [key for table in all_tables() for key in table.keys.values() if key.name != "kind"]
    assert len(keys) > 70
    for key in keys:
        assert f'"{key.name}": {{\n' in text
        assert key.key.help.rstrip(".") in text


def test_the_file_to_begin_with_is_sound_and_has_every_key(tmp_path: Path) -> None:
    (tmp_path / "board.toml").write_text(TEMPLATE)
    (source,) = read_board(tmp_path / "board.toml").sources
    assert (source.name, source.places) == ("door", ("/dev/video0",))
    for table in all_tables():
        for name in table.keys:
            assert re.search(rf"^(# )*{name} = ", TEMPLATE, re.MULTILINE), name
    assert TEMPLATE.startswith("#:schema ./board.schema.json\n")
    assert max(map(len, TEMPLATE.splitlines())) < 130


def blocks() -> list[tuple[str, ...]]:
    """The paragraphs of the template that are not in use, without their first comment signs."""
    found = [block.splitlines() for block in TEMPLATE.split("\n\n")]
    return [tuple(line.removeprefix("# ") for line in block) for block in found if re.match(r"# \[", block[1])]


@pytest.mark.parametrize("block", blocks(), ids=lambda block: block[1])
def test_a_paragraph_can_be_taken_into_use_as_a_whole_and_key_by_key(block: tuple[str, ...], tmp_path: Path) -> None:
    sink = '[[sink]]\nkind = "exec"\nname = "phone"\ncommand = ["true"]\n[[source.region]]\nname = "bowl"\n'
    others = sink + 'roi = "0,0,1,1"\n' if "[[rule]]" in block[1] else ""
    used = 0
    for number in range(len(block)):
        lines = ["", *block[1:]]
        if lines[number].startswith("# ") and " = " in lines[number]:
            lines[number] = lines[number].removeprefix("# ")
            used += 1
        (tmp_path / "board.toml").write_text(
            SMALL.replace("[[source]]", '[[source]]\nname = "door"') + others + "\n".join(lines)
        )
        read_board(tmp_path / "board.toml")
    assert used >= 1


@pytest.mark.parametrize(
    "key", ["place", "model", "models", "size", "fps", "every", "on-motion", "mask", "existing", "confirm"]
)
def test_keys_of_the_source_can_be_taken_into_use(key: str, tmp_path: Path) -> None:
    text = re.sub(rf"^# ({key} = )", r"\1", TEMPLATE, count=1, flags=re.MULTILINE)
    (tmp_path / "board.toml").write_text(text)
    read_board(tmp_path / "board.toml")
    assert (text == TEMPLATE) == (key == "place")
