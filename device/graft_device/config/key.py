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
        pattern: a regular expression that the whole text matches; empty for any text.
        form: what a text of this pattern is, for an error, such as ``a time of day such as 22:00``.
        written: whether the path is a folder that the run writes into. A relative one is in the working directory; all
            other relative paths are beside the file.
        example: the value in the file that ``config init`` writes, as TOML; empty for none.
    """

    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    pattern: str = ""
    form: str = ""
    written: bool = False
    example: str = ""
