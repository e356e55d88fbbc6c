"""Write comparisons and audits as pages of the same house as reports."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from onnx_params.auditing.audit import Audit
from onnx_params.comparison.compare import Comparison
from onnx_params.render import audit as audits_
from onnx_params.render import compare, compare_documents
from onnx_params.render.page import page
from onnx_params.render.text import plain

MAX_LINES: Final = 60  # of a screen, for readers without scripts


def of_comparison(made: Comparison) -> str:
    """The page of a comparison: two maps side by side, and the pairs."""
    title = f"{made.a.name} and {made.b.name}"
    return page(compare_documents.document(made), title, _screen(compare.render(made)))


def of_audit(audit: Audit) -> str:
    """The page of one audit: findings, and the verdict of each tensor."""
    return of_audits([audit], several=False)


def of_audits(audits: Sequence[Audit], several: bool) -> str:
    """The page of audits; of ``several`` models under each other."""
    made = audits_.of_several(audits) if several else audits_.document(audits[0])
    title = f"Audit of {', '.join(audit.name for audit in audits)}"
    return page(made, title, "".join(_screen(audits_.render(each)) for each in audits))


def _screen(text: str) -> str:
    """The first lines of a screen, as they are."""
    lines = text.splitlines()
    shown = "\n".join(map(plain, lines[:MAX_LINES]))
    more = "\n..." if len(lines) > MAX_LINES else ""
    return f"<pre>{escape(shown)}{more}</pre>"
