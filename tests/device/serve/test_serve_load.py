from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.serve_load import load
from tests.support.device_models import write_artifact
from tests.support.serving import TOKEN, encoded, form, serving
from tests.support.stores import write_model

HOOKS = """
import io
import schemathesis
from hypothesis import strategies
from PIL import Image


def picture(colour, size, kind):
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, kind)
    return stream.getvalue()


def pictures(kind):
    colours, sides = strategies.integers(0, 255), strategies.integers(1, 40)
    return strategies.builds(
        picture, strategies.tuples(colours, colours, colours), strategies.tuples(sides, sides), strategies.just(kind)
    )


for kind in ("jpeg", "png", "webp", "bmp", "gif"):
    schemathesis.openapi.media_type(f"image/{kind}", pictures(kind.upper()))
schemathesis.openapi.media_type("application/octet-stream", pictures("PNG"))
schemathesis.openapi.format("binary", pictures("PNG"))
"""
"""A body that the document calls binary must be an image, or no request that it describes would succeed."""

LEAK_LIMIT = 10_000
"""Bytes by which a warm server may grow for each photo; the small photos below have 90 kB, or 360 kB decoded."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_artifact(tmp_path_factory.mktemp("model") / "colours.tflite")


@pytest.mark.slow
def test_the_api_matches_its_document(tmp_path: Path) -> None:
    """Schemathesis generates valid and invalid requests from the document, and checks the answers against it."""
    pytest.importorskip("schemathesis")
    (tmp_path / "hooks.py").write_text(HOOKS)
    model = write_model(tmp_path / "colours.tflite", photos=True)
    with serving(model, "--queue", 50, "--token", TOKEN) as server:
        run = [
            str(Path(sys.executable).with_name("st")), "run", f"{server.url}/openapi.json", "--checks", "all",
            "--header", f"Authorization: Bearer {TOKEN}", "--mode", "all", "--max-examples", "25", "--seed", "1",
            "--generation-database", "none", "--no-color",
        ]  # fmt: skip
        environment = {**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(tmp_path)}
        done = subprocess.run(
            run, capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path, env=environment
        )
        assert done.returncode == 0, done.stdout[-5000:]
        assert "No issues found" in done.stdout
        figures = server.ask("GET", "/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).body.decode()
    for status in (200, 401, 405, 415, 422):
        assert f'route="/v1/classify",status="{status}"' in figures


@pytest.mark.slow
def test_under_load_there_is_no_error_and_the_memory_is_bounded(model: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3)).astype(np.uint8)
    small = encoded(Image.fromarray(noise), "JPEG")
    large = encoded(Image.new("RGB", (4000, 3000), (230, 20, 30)), "PNG")
    bodies = [small, b"garbage" * 10_000, *[small] * 6, large, large[:9000], *[small] * 6]
    with serving(model, "--queue", 4) as server:
        warm = load(server.address, server.process.pid, bodies, 12, 60, photos=60)
        before = server.resident()
        found = load(server.address, server.process.pid, bodies, 12, 120, photos=250)
        after, files, threads = server.resident(), server.open_files(), server.threads()
        assert server.classify(form("image", small)[0], kind=form("image", b"")[1]).status == 200
    assert set(warm.statuses) == set(found.statuses) == {200, 400, 503}, (warm.statuses, found.statuses)
    assert found.statuses[200] >= 250
    assert (after - before) / found.statuses[200] < LEAK_LIMIT, found.row()
    assert files < 40
    assert threads < 12
