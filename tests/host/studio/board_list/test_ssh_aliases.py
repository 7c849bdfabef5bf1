"""The names that an ssh configuration suggests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft_host.deploy.target import parse_target
from graft_host.studio.board_list.ssh_aliases import aliases


def written(folder: Path, **files: str) -> Path:
    """An ssh configuration and files beside it."""
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder / "config"


def test_names_come_from_the_file_and_from_what_it_includes_without_patterns(tmp_path: Path) -> None:
    config = written(
        tmp_path,
        config=f"Include {tmp_path}/more-*\nHost kitchen hall *.lan !not kitchen\n  HostName 10.0.0.1\nhost=equals\n"
        'HOST "quoted"  # a comment\n  Host indented\nMatch host attic\nHost *\n',
        **{
            "more-1": "Host shed\nHostName shed.lan\n",
            "more-2": "Host porch\n" + f"Include {tmp_path}/config {tmp_path}/more-2\n" * 9,
        },
    )
    assert aliases(config) == ("shed", "porch", "kitchen", "hall", "equals", "quoted", "indented")


@pytest.mark.parametrize(
    "text",
    [
        "Host -oProxyCommand=touch${IFS}/tmp/x\nHost ;reboot\nHost $(reboot)\nHost a@-b\n",
        'Host "never closed\nHost\nHost \x00\nInclude\nInclude [\nInclude /\nInclude ~nobody/x\nnonsense\n=\n',
        "Include /dev/null /does/not/exist\n",
    ],
)
def test_odd_and_hostile_lines_are_left_out(tmp_path: Path, text: str) -> None:
    assert aliases(written(tmp_path, config=text + "Host good\n")) == ("good",)


def test_a_file_that_is_missing_or_no_text_suggests_nothing(tmp_path: Path) -> None:
    assert aliases(tmp_path / "missing") == ()
    assert aliases(tmp_path) == ()
    (tmp_path / "config").write_bytes(bytes(range(256)) * 99)
    assert aliases(tmp_path / "config") == ()
    os.mkfifo(tmp_path / "pipe")
    assert aliases(written(tmp_path, config=f"Include {tmp_path}/pipe\nHost good\n")) == ("good",)


@given(st.text())
def test_what_it_suggests_is_always_an_address(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("ssh")
    (folder / "config").write_bytes(f"Host {text}\n{text}".encode("utf-8", "surrogatepass"))
    for name in aliases(folder / "config"):
        assert parse_target(name).ssh_args()[-2] == "--"
