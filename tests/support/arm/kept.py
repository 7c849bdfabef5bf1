"""Parts of a board that are built once and kept."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def name_of(arch: str, what: str, ingredients: Sequence[str]) -> str:
    """The name of a part, which depends on what it is built from."""
    digest = hashlib.sha256("\n".join(ingredients).encode()).hexdigest()
    return f"{arch}-{what}-{digest[:8]}"


def once(target: Path, build: Callable[[Path], None]) -> Path:
    """Builds `target` unless it exists: under another name until complete, and in one process at a time."""
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_name(f"{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            partial = target.with_name(f"{target.name}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            try:
                build(partial)
                partial.rename(target)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    return target


def write_program(path: Path, text: str) -> Path:
    """Writes a program that other processes may be starting; they see the old one or the new one, always complete."""
    if path.is_file() and path.read_text() == text:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f"{path.name}.", delete=False) as partial:
        partial.write(text)
    os.chmod(partial.name, 0o755)  # noqa: PTH101, S103  a program, for whoever may read it
    os.replace(partial.name, path)  # noqa: PTH105
    return path
