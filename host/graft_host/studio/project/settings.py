"""The settings of a project in ``studio.toml``, which a person may edit too: comments and order are kept."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graft_device.errors import os_reason
from graft_device.system.durable import write_atomically
from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import WORK, Project
from graft_host.studio.project.locking import locked

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

_NAME = "studio.toml"


def read_settings(project: Project, table: str) -> dict[str, Any]:
    """The values of a table; empty if there is none.

    Args:
        project: the project.
        table: the name of the table, such as ``train``.

    Raises:
        StudioError: the file cannot be read, or is not sound.
    """
    values = _values(_text(project)).get(table, {})
    if not isinstance(values, dict):
        raise StudioError(f"{table} in {_NAME} is no table", f"give it a line [{table}], or remove it")
    return values


def change_settings(project: Project, table: str, values: Mapping[str, Any]) -> None:
    """Changes values of a table, and leaves all others, comments and the order as they are.

    Args:
        project: the project.
        table: the name of the table, which is made if it is missing.
        values: by name; None removes a value.

    Raises:
        StudioError: the file is not sound, and stays as it is; or it cannot be written.
    """
    import tomlkit

    with locked(project.inside(f"{WORK}/settings.lock"), _NAME):
        text = _text(project)
        read_settings(project, table)
        document = tomlkit.parse(text)
        _set(document, table, values)
        changed = tomlkit.dumps(document)
        if changed != text:
            try:
                write_atomically(_file(project), changed.encode())
            except OSError as error:
                raise StudioError(f"cannot write {_NAME}: {os_reason(error)}", "see who may write there") from error


def _set(document: TOMLDocument, table: str, values: Mapping[str, Any]) -> None:
    import tomlkit

    if table not in document:
        if all(value is None for value in values.values()):
            return
        document[table] = tomlkit.table()
    part: Any = document[table]
    for name, value in values.items():
        if value is None:
            part.pop(name, None)
        elif part.get(name) != value:
            part[name] = value


def _file(project: Project) -> Path:
    project.inside(_NAME)
    return project.settings


def _text(project: Project) -> str:
    try:
        return _file(project).read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise StudioError(f"cannot read {_NAME}: {os_reason(error)}", "see who may read it") from error
    except UnicodeDecodeError as error:
        raise StudioError(f"{_NAME} is not UTF-8", "save it as UTF-8, or remove it") from error


def _values(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise StudioError(f"{_NAME} is not sound: {error}", "fix it in an editor, or remove it") from error
