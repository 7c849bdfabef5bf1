"""Opens pages in a headless Chromium, and reports their flaws, requests and errors."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

CHROMIUM = Path("/usr/bin/chromium")
PHONE, DESKTOP = 360, 1280
_PATIENCE_MS = 180_000  # a busy machine may take long to start a browser

_QUIET = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip

_FLAWS = r"""() => {
  const flaws = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) flaws.push(`${root.scrollWidth} px wide in ${root.clientWidth}`);
  for (const image of document.images)
    if (!image.naturalWidth) flaws.push(`empty image ${image.alt}`);
  for (const value of document.querySelectorAll('.rows dd'))
    if (value.clientWidth < 80) flaws.push(`${value.clientWidth} px for ${value.textContent}`);
  for (const svg of document.querySelectorAll('svg')) {
    const frame = svg.getBoundingClientRect();
    const level = [];
    for (const text of svg.querySelectorAll('text')) {
      const box = text.getBoundingClientRect();
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 ||
          box.bottom > frame.bottom + 1) flaws.push(`cut off: ${text.textContent}`);
      if (/rotate\(-?0 /.test(text.getAttribute('transform') || 'rotate(0 ')) level.push([text, box]);
    }
    level.forEach(([one, a], i) => level.slice(i + 1).forEach(([two, b]) => {
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 1 && high > 3) flaws.push(`overlap: ${one.textContent} and ${two.textContent}`);
    }));
  }
  return flaws;
}"""

_CONTRASTS = r"""() => {
  const rgb = (colour) => (colour.match(/[\d.]+/g) || []).map(Number);
  const luminance = (colour) => {
    const linear = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = rgb(colour).map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (rgb(colour).length === 3) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  const found = [];
  for (const element of document.body.querySelectorAll('*')) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !element.getClientRects().length || element.tagName === 'title') continue;
    const style = getComputedStyle(element);
    const [a, b] = [luminance(element.tagName === 'text' ? style.fill : style.color), luminance(ground(element))];
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), element.textContent.trim().slice(0, 40)]);
  }
  return found;
}"""


@dataclass
class Visit:
    """An open page, the addresses that it requested, and the problems that it logged."""

    page: Page
    requests: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def errors(self) -> list[str]:
        """The errors among the problems, with the address of what could not be loaded."""
        return [text for text in self.problems if text.startswith("error")]

    def flaws(self) -> list[str]:
        """Layout flaws: a page wider than the window, images without pixels, and texts of plots cut off or covered."""
        self.page.wait_for_function("() => [...document.images].every((image) => image.complete)")
        flaws: list[str] = self.page.evaluate(_FLAWS)
        return flaws

    def contrasts(self) -> list[tuple[float, str]]:
        """The contrast of each text with its background, 1 to 21 as WCAG 2 defines it, and the start of the text."""
        contrasts: list[list[Any]] = self.page.evaluate(_CONTRASTS)
        return [(float(ratio), str(text)) for ratio, text in contrasts]


@contextlib.contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    """Starts a browser with its own profile and ends it afterwards; skips the test if there is no browser.

    What tests ``expect`` of its pages may take as long as a busy machine needs. They should expect, and not look once
    and assert: what a page shows comes piece by piece, and what was waited for may be there before the rest.

    Args:
        flags: of the command line, besides those that keep it quiet.
    """
    if not CHROMIUM.is_file():
        pytest.skip(f"no browser at {CHROMIUM}: apt-get install chromium")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=_PATIENCE_MS)
    with tempfile.TemporaryDirectory(prefix="graft-browser-", ignore_cleanup_errors=True) as home:
        environment: Any = {**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home}
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM,
                args=[*_QUIET, *flags],
                chromium_sandbox=False,
                env=environment,
                timeout=_PATIENCE_MS,
            )
            try:
                yield browser
            finally:
                browser.close()


def _logged(message: ConsoleMessage) -> str:
    address = message.location["url"] if "Failed to load" in message.text else ""
    return f"{message.type}: {message.text} {address}".rstrip()


@contextlib.contextmanager
def visit(browser: Browser, address: str, width: int = DESKTOP, *, dark: bool = False) -> Iterator[Visit]:
    """Opens a page in a new window.

    Args:
        browser: from ``chromium``.
        address: of the page, such as ``path.as_uri()``.
        width: of the window in CSS pixels; a phone's pixels are finer.
        dark: whether the person prefers dark pages.
    """
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if dark else "light",
        device_scale_factor=2 if width <= PHONE else 1,
    )
    try:
        context.set_default_timeout(120_000)
        seen = Visit(context.new_page())
        seen.page.set_default_timeout(_PATIENCE_MS)
        seen.page.on("request", lambda request: seen.requests.append(request.url))
        seen.page.on("console", lambda message: seen.problems.append(_logged(message)))
        seen.page.on("pageerror", lambda error: seen.problems.append(f"error: {error}"))
        seen.page.goto(address)
        yield seen
    finally:
        context.close()
