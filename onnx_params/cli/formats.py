"""The values of ``--format``: the formats in which the registry of renderers has each record."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, TypeAlias

from onnx_params.render.registry import formats_of

if TYPE_CHECKING:
    ReportFormat: TypeAlias = str
    AuditFormat: TypeAlias = str
    LockFormat: TypeAlias = str
    ComparisonFormat: TypeAlias = str
    RankingFormat: TypeAlias = str
    ApplicationFormat: TypeAlias = str
else:
    # Typer takes the choices from an enumeration; its members are strings
    def _choices(record: str) -> type[enum.StrEnum]:
        return enum.StrEnum(f"{record}Format", [(each, each) for each in formats_of(record)])

    ReportFormat = _choices("Report")
    AuditFormat = _choices("Audit")
    LockFormat = _choices("Lock")
    ComparisonFormat = _choices("Comparison")
    RankingFormat = _choices("Ranking")
    ApplicationFormat = _choices("Application")
