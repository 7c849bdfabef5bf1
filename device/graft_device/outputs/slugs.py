"""Turns names into plain texts for topics, addresses and ids."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

_LONGEST = 60


def slugs(names: Iterable[str]) -> dict[str, str]:
    """Distinct texts of small letters, digits and dashes for names in any script.

    A name that leaves nothing, or the same as another one, gets a part that depends only on the name.
    """
    plain = {name: _slug(name) for name in names}
    count = Counter(plain.values())
    return {
        name: slug if slug and count[slug] == 1 else f"{slug}-{_digest(name)}".strip("-")
        for name, slug in plain.items()
    }


def _slug(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[:_LONGEST].strip("-")


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
