"""One key of a settings class: its help and limits, from which the file's checks, schema and template follow."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Key:
    """What is known of one key of the file; the annotation of a field: ``Annotated[float, Key("…", low=0)]``.

    The key's name in the file is the field's with dashes, which is the name of the command line's option.

    Attributes:
        help: what the key sets, as a clause that ends with a full stop.
        low: the smallest number.
        high: the largest number.
        choices: the texts that are allowed; empty for any.
        example: the value in the file that ``config init`` writes, as TOML; empty for none.
    """

    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    example: str = ""
