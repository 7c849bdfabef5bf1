"""The colours of all pages are written once."""

from __future__ import annotations

import re
from pathlib import Path

import graft_device
import graft_host
from graft_host.report.page import page

TOKENS = Path(graft_device.__file__).parent / "serve/page/shared/tokens.css"
DEFINED = re.compile(r"(--[a-z-]+):")


def test_a_report_has_the_colours_of_the_pages_of_boards() -> None:
    assert TOKENS.read_text("utf-8") in page("a report", "")


def test_no_style_sheet_gives_a_colour_a_second_value() -> None:
    tokens = set(DEFINED.findall(TOKENS.read_text("utf-8")))
    assert {"--page", "--ink", "--warn"} <= tokens
    for folder in (TOKENS.parents[3], Path(graft_host.__file__).parent):
        for sheet in folder.glob("**/*.css"):
            on_screen = sheet.read_text("utf-8").partition("@media print")[0]
            assert sheet == TOKENS or not tokens & set(DEFINED.findall(on_screen)), sheet
