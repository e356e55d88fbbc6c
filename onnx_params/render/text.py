"""Write numbers, shapes and untrusted names the way that every format writes them."""

from __future__ import annotations

import math

from onnx_params.plain import plain as plain


def shape(dims: tuple[int, ...] | None) -> str:
    """A shape as Python writes it; ``?`` where it is not known."""
    return "?" if dims is None else str(dims)


def finite(value: float | None) -> float | None:
    """A number as JSON has it, which has neither infinity nor NaN."""
    return value if value is not None and math.isfinite(value) else None


def for_sheet(text: str) -> str:
    """Text as a cell: what a spreadsheet would take for a formula gets an apostrophe in front."""
    text = plain(text)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") and len(text) > 1 else text


def human(count: int) -> str:
    """A count by thousands with two decimals: 124.44M."""
    value = float(count)
    for unit in ("", "K", "M", "G"):
        if round(value, 2) < 1000:
            return f"{value:.2f}{unit}"
        value /= 1000
    return f"{value:.2f}T"


def n_bytes(count: int) -> str:
    """Bytes by thousands: 497.76 MB."""
    text = human(count)
    return f"{count} B" if count < 1000 else f"{text[:-1]} {text[-1]}B"


def percent(part: int, whole: int) -> str:
    """A share with two decimals, without the sign."""
    return f"{100 * part / whole if whole else 0:.2f}"
