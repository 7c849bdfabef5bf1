"""What may import what: the board's side stands alone, and TensorFlow stays where it is needed."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import graft_device
import graft_host
from tests.support.device_models import picture, write_artifact

DEVICE = sorted(Path(graft_device.__file__).parent.glob("**/*.py"))
HOST = sorted(Path(graft_host.__file__).parent.glob("**/*.py"))
WITH_TENSORFLOW = {"export/keras_export.py", "fine_tuning/tail_training.py", "backbones/in_tensorflow/keras_network.py"}
WITH_SERVER = ("sorting/page/", "studio/server/", "studio/ui/")
BOARD_PACKAGES = {"graft_device", "numpy", "PIL", "typer"}
EXTRAS = {  # what the modules of an extra may import besides
    "actions": {"apprise", "gpiozero"},
    "serve": {"h11", "prometheus_client", "python_multipart", "starlette", "uvicorn"},
    "camera_page": {"PIL", "prometheus_client", "starlette", "uvicorn"},
    "sources": {"av", "picamera2"},
}


def imported(path: Path) -> set[str]:
    """The top-level packages that a source file imports anywhere, relative ones as its own package."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(path.parent.name if node.level else (node.module or "").partition(".")[0])
    return found


def _within_the_host(path: Path) -> str:
    """A module's path in the host's package."""
    return path.relative_to(Path(graft_host.__file__).parent).as_posix()


def run_python(program: str, *args: object) -> list[str]:
    """The list that a program prints as JSON in its last line."""
    command = [sys.executable, "-c", textwrap.dedent(program), *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(answer, list)
    return answer


@pytest.mark.parametrize("path", DEVICE, ids=lambda path: path.name)
def test_the_device_package_imports_only_what_a_board_has(path: Path) -> None:
    assert imported(path) - set(sys.stdlib_module_names) <= BOARD_PACKAGES | EXTRAS.get(path.parent.name, set())


@pytest.mark.parametrize("path", HOST, ids=_within_the_host)
def test_tensorflow_is_imported_where_it_is_needed_and_nowhere_else(path: Path) -> None:
    uses = bool(imported(path) & {"tensorflow", "keras"})
    assert uses == (_within_the_host(path) in WITH_TENSORFLOW)


@pytest.mark.parametrize("path", HOST, ids=_within_the_host)
def test_servers_are_imported_where_pages_are_served_and_nowhere_else(path: Path) -> None:
    assert _within_the_host(path).startswith(WITH_SERVER) or not imported(path) & {
        "fastapi",
        "nicegui",
        "starlette",
        "uvicorn",
    }


def test_every_module_of_the_device_package_imports_without_the_host() -> None:
    package = Path(graft_device.__file__).parents[1]
    paths = [path.relative_to(package).with_suffix("") for path in DEVICE if path.stem != "__init__"]
    modules = [".".join(path.parts) for path in paths]
    assert len(modules) >= 7
    found = run_python(
        """
        import importlib, json, sys

        class Blocker:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in {"graft_host", "tensorflow", "keras", "scipy", "flatbuffers"}:
                    raise ImportError(f"{name} is not on a board")

        sys.meta_path.insert(0, Blocker())
        for name in sys.argv[1:]:
            importlib.import_module(name)
        import graft_device
        public = [getattr(graft_device, name) for name in graft_device.__all__]
        print(json.dumps(sorted(set(sys.argv[1:]) & set(sys.modules))))
        """,
        *modules,
    )
    assert found == sorted(modules)


RUN = """
import json, sys
from graft_device import cli
try:
    cli.main()
except SystemExit as end:
    assert not end.code, end.code
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
HEAVY = {"rich", "pydantic", "tensorflow", "keras", "graft_host", "scipy", "sklearn", "h5py"}
HEAVY |= {"asyncio", "av", "paho", "sqlite3", "starlette", "uvicorn"}


def test_classifying_loads_nothing_heavy(tmp_path: Path) -> None:
    picture("red").save(tmp_path / "red.png")
    model = write_artifact(tmp_path / "m.tflite")
    loaded = set(run_python(RUN, "classify", model, tmp_path / "red.png"))
    assert loaded >= {"numpy", "PIL", "ai_edge_litert"}
    assert not loaded & HEAVY


def test_a_command_loads_no_other(tmp_path: Path) -> None:
    model = write_artifact(tmp_path / "m.tflite")
    program = RUN.replace('name.partition(".")[0] for', "name for")
    assert program != RUN
    commands = {name for name in run_python(program, "info", model) if name.startswith("graft_device.commands.")}
    assert commands == {"graft_device.commands.info", "graft_device.commands.options"}


@pytest.mark.parametrize("args", [["--help"], ["classify", "--help"], ["--version"]])
def test_help_loads_not_even_numpy(args: list[str]) -> None:
    loaded = set(run_python(RUN, *args))
    assert "typer" in loaded
    assert not loaded & (HEAVY | {"numpy", "PIL", "ai_edge_litert", "tflite_runtime"})


def test_info_needs_no_interpreter(tmp_path: Path) -> None:
    loaded = set(run_python(RUN, "info", write_artifact(tmp_path / "m.tflite")))
    assert not loaded & (HEAVY | {"numpy", "PIL", "ai_edge_litert", "tflite_runtime"})


def test_typer_sees_the_annotations_on_python_3_9() -> None:
    """Where they are strings, Typer on 3.9 passes over what Annotated holds: ``--json`` was ``--as-json`` there."""
    folder = Path(graft_device.__file__).parent
    commands = sorted(folder.glob("commands/*.py"))
    assert len(commands) >= 4
    for path in (folder / "cli.py", *commands):
        assert "__future__" not in imported(path), path


def test_the_public_names() -> None:
    assert set(graft_device.__all__) == {"Classifier", "GraftError", "Prediction", "__version__"}
    with pytest.raises(AttributeError, match="no attribute 'Clasifier'"):
        graft_device.Clasifier  # noqa: B018


def test_without_the_hosts_packages_graft_says_how_to_get_them(tmp_path: Path) -> None:
    """A Python that has what a board has and no more, as after ``pip install`` without the extra."""
    for name in (*BOARD_PACKAGES - {"graft_device"}, "annotated_doc", "shellingham", "click", "typing_extensions"):
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            found = Path(spec.origin)
            package = found.parent if found.name == "__init__.py" else found
            (tmp_path / package.name).symlink_to(package)
    path = [tmp_path, *(Path(module.__file__).parents[1] for module in (graft_host, graft_device) if module.__file__)]
    done = subprocess.run(
        [sys.executable, "-S", "-m", "graft_host.cli", "train", "photos", "-o", "model.tflite"],
        capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))},
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("error: the workstation's packages are not installed (no ai_edge_litert, ")
    assert done.stderr.endswith('pip install ".[host]"\n')
    assert len(done.stderr.splitlines()) == 1


HOST_HELP = RUN.replace("from graft_device import cli", "from graft_host import cli")


@pytest.mark.parametrize("args", [["--help"], ["train", "--help"], ["search", "--help"], ["fleet", "--help"]])
def test_the_workstations_help_loads_not_even_numpy(args: list[str]) -> None:
    loaded = set(run_python(HOST_HELP, *args))
    assert {"typer", "graft_host"} <= loaded
    assert not loaded & ((HEAVY - {"graft_host"}) | {"numpy", "PIL", "ai_edge_litert", "matplotlib", "ssl", "tqdm"})


def test_training_loads_what_it_may_not_need_only_where_it_does() -> None:
    loaded = set(
        run_python(
            """
            import json, sys
            import graft_host.training.pipeline, graft_host.commands.terminal.console
            print(json.dumps(sorted(sys.modules)))
            """
        )
    )
    assert {"numpy", "graft_host.heads.finished", "graft_host.evaluation.golden"} <= loaded
    late = {"graft_host.backbones.conversion.convert", "graft_host.report.report"}
    assert all(map(importlib.util.find_spec, late))
    unneeded = {"scipy", "h5py", "imagehash", "matplotlib", "ssl", "http.client", "ai_edge_litert.interpreter"}
    assert not loaded & (late | unneeded | {"tensorflow"})


def test_the_optimizer_can_be_loaded_ahead() -> None:
    """A cold run starts this import when it has measured the backbone, long before the head is trained."""
    loaded = run_python(
        """
        import json, sys, threading
        from graft_host.heads.softmax_regression import load_ahead
        before = "scipy.optimize" in sys.modules
        load_ahead()
        load_ahead()
        threads = [thread for thread in threading.enumerate() if thread.name == "load-ahead"]
        for thread in threads:
            thread.join()
        print(json.dumps([str(value) for value in (before, len(threads) <= 1, "scipy.optimize" in sys.modules)]))
        """
    )
    assert loaded == ["False", "True", "True"]
