"""Turns Matplotlib figures into SVG for use inside a page, with the page's colours and fonts."""

from __future__ import annotations

import contextlib
import io
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graft_host.report.page import attribute, text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Placeholders for the page's colours, which differ between light and dark mode; they occur nowhere else.
INK, MUTED, LINE, RIGHT, WRONG, TRACK = (f"#0{n}0{n}0{n}" for n in range(1, 7))
_VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    LINE: "var(--line)",
    RIGHT: "var(--right)",
    WRONG: "var(--wrong)",
    TRACK: "var(--track)",
}
_SMALLEST, _LARGEST = 0.8, 1.3  # CSS pixels per unit of the drawing
_SETTINGS: Any = {
    "svg.fonttype": "none",
    "font.family": ["DejaVu Sans"],
    "font.size": 9.5,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
}


@dataclass
class Canvas:
    """A figure, and the texts that are inserted into it afterwards.

    Labels may contain anything: Matplotlib would read ``$`` as the start of a formula, and it warns about letters that
    its font lacks. So it draws placeholders, and the browser finds a font for the text.

    Attributes:
        figure: the Matplotlib figure.
        width: in units.
        height: in units.
        texts: what to show for each placeholder, and the whole text for the tooltip.
    """

    figure: Figure
    width: float
    height: float
    texts: list[tuple[str, str]] = field(default_factory=list)

    def mark(self, shown: str, whole: str) -> str:
        """Returns a placeholder for Matplotlib to draw instead of ``shown``; ``whole`` becomes the tooltip."""
        self.texts.append((shown, whole))
        return f"mark-{len(self.texts) - 1}"

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Adds axes at a position in units from the upper left corner."""
        bottom = 1 - (top + height) / self.height
        return self.figure.add_axes(
            (left / self.width, bottom, width / self.width, height / self.height), facecolor="none"
        )

    def svg(self, name: str, description: str, largest: float = _LARGEST) -> str:
        """Returns the drawing as an ``<svg>`` element.

        Args:
            name: a name that is unique in the page.
            description: the text for screen readers.
            largest: the largest number of CSS pixels per unit.
        """
        import matplotlib as mpl

        mpl.rcParams["svg.hashsalt"] = name
        buffer = io.StringIO()
        self.figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
        drawing = _bare(buffer.getvalue())
        for colour, variable in _VARIABLES.items():
            drawing = drawing.replace(colour, variable)
        drawing = re.sub(r">mark-(\d+)<", lambda match: f">{_titled(*self.texts[int(match[1])])}<", drawing)
        return (
            f'<svg role="img" aria-label="{attribute(description)}" viewBox="0 0 {self.width:g} {self.height:g}" '
            f'style="min-width:{self.width * _SMALLEST:.0f}px;max-width:{self.width * largest:.0f}px">{drawing}</svg>'
        )


@contextlib.contextmanager
def canvas(width: float, height: float) -> Iterator[Canvas]:
    """Creates a canvas; the user's Matplotlib settings are restored when the block ends."""
    with _without_logs():
        import matplotlib as mpl
        from matplotlib.figure import Figure
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield Canvas(Figure(figsize=(width / 72, height / 72)), width, height)


@contextlib.contextmanager
def _without_logs() -> Iterator[None]:
    """Silences what Matplotlib logs when it is imported, such as the location of its cache."""
    logger = logging.getLogger("matplotlib")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _bare(document: str) -> str:
    """Returns the contents of the ``<svg>`` element without metadata, global styles, fonts and unused names."""
    inner = document[document.index(">", document.index("<svg")) + 1 : document.rindex("</svg>")]
    inner = re.sub(r"<metadata>.*?</metadata>|<defs>\s*<style.*?</style>\s*</defs>", "", inner, flags=re.DOTALL)
    inner = re.sub(r"font-family: [^;\"]*;? ?", "", inner)
    used = set(re.findall(r"#([\w.-]+)[\")]", inner))
    inner = re.sub(r' id="([^"]*)"', lambda match: match[0] if match[1] in used else "", inner)
    inner = re.sub(r"\d+\.\d{3,}", lambda match: f"{float(match[0]):.2f}", inner)
    return re.sub(r"\s*\n\s*", " ", inner).strip()


def _titled(shown: str, whole: str) -> str:
    """The text as HTML, with the whole text as a tooltip if it is shortened."""
    return text(shown) if shown == whole else f"{text(shown)}<title>{text(whole)}</title>"
