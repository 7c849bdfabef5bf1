"""The tables of the file: their keys, and the tables in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from graft_device.config.declared import FileKey, keys_of
from graft_device.config.file_keys import HttpKeys, RegionKeys, SourceKeys
from graft_device.config.key import Key
from graft_device.config.kinds import Text
from graft_device.config.settings import (
    AnswerSettings,
    CaptureSettings,
    EventsSettings,
    ModelSettings,
    UncertainSettings,
)
from graft_device.config.sinks import (
    AppriseSettings,
    ExecSettings,
    GpioSettings,
    MqttSettings,
    RuleSettings,
    WebhookSettings,
)

SINKS = {
    "mqtt": MqttSettings,
    "webhook": WebhookSettings,
    "exec": ExecSettings,
    "gpio": GpioSettings,
    "apprise": AppriseSettings,
}
"""The settings class of each kind of sink."""


@dataclass(frozen=True)
class Table:
    """One kind of table.

    Attributes:
        title: how its header is written; empty for the top of the file.
        summary: what it is for, as a clause.
        keys: by their names.
        tables: the tables in it, by their names.
        arrays: the arrays of tables in it, by their names.
        variants: the tables by the value of the key ``kind``, where that decides about the other keys.
    """

    title: str
    summary: str
    keys: Mapping[str, FileKey]
    tables: Mapping[str, Table] = field(default_factory=dict)
    arrays: Mapping[str, Table] = field(default_factory=dict)
    variants: Mapping[str, Table] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """All names that may be in the table."""
        return [*self.keys, *self.tables, *self.arrays]


@cache
def board() -> Table:
    """The whole file."""
    answers = keys_of(AnswerSettings)
    region = Table("[[source.region]]", "A part of the frames that models look at.", {**keys_of(RegionKeys), **answers})
    source = {**keys_of(SourceKeys), **answers}
    return Table(
        "",
        "What becomes of the answers of all sources; a source and a region may have keys of their own.",
        answers,
        tables={
            "http": Table("[http]", "The page of the board's cameras.", keys_of(HttpKeys)),
            "events": Table("[events]", "Where events and their pictures are kept.", keys_of(EventsSettings)),
            "uncertain": Table(
                "[uncertain]", "Where frames are kept that a model is uncertain about.", keys_of(UncertainSettings)
            ),
            "capture": Table(
                "[capture]", "Where pictures go that are captured on the page.", keys_of(CaptureSettings)
            ),
        },
        arrays={
            "model": Table("[[model]]", "A model that sources use.", keys_of(ModelSettings)),
            "source": Table("[[source]]", "Where frames come from.", source, arrays={"region": region}),
            "sink": _sinks(),
            "rule": Table("[[rule]]", "Which events the sinks get; a sink that no rule names gets all.",
                          keys_of(RuleSettings)),
        },
    )  # fmt: skip


def _sinks() -> Table:
    key = Key("The kind of sink.", choices=tuple(SINKS), example='"webhook"')
    kind = FileKey("kind", "kind", key, Text(key), required=True, default=None)
    common = {"kind": kind, "name": keys_of(WebhookSettings)["name"]}
    table = Table("[[sink]]", "Where events go besides standard output.", common)
    variants = {
        name: replace(table, summary=_summary(settings), keys={"kind": kind, **keys_of(settings)})
        for name, settings in SINKS.items()
    }
    return replace(table, variants=variants)


def _summary(settings: type) -> str:
    return (settings.__doc__ or "").partition("\n")[0]


def all_tables(table: Table | None = None) -> Iterator[Table]:
    """The file's table and all tables in it, with the variants of sinks instead of what they share."""
    table = table or board()
    yield from table.variants.values() or (table,)
    for inner in (*table.arrays.values(), *table.tables.values()):
        yield from all_tables(inner)
