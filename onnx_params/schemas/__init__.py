"""Give the JSON Schema of every document that this tool writes, by name."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

NAMES: Final = (
    "report",
    "reports",
    "listing",
    "listings",
    "explanation",
    "explanations",
    "audit",
    "audits",
    "compare",
    "compare-matrix",
    "rank",
    "lock",
    "source-map",
    "apply",
    "emit",
)


def text(name: str) -> str:
    """The schema as text. Raises :class:`FileNotFoundError` where there is none of that name."""
    return files(__name__).joinpath(f"{name}.json").read_text(encoding="utf-8")
