"""Write numbers, shapes and untrusted names the way that every format writes them."""

from __future__ import annotations

import re
from typing import Final

_HARMFUL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def plain(name: str) -> str:
    """A name without anything that a terminal or a table would act upon: control and direction characters as escapes."""
    return _HARMFUL.sub(lambda match: f"\\u{ord(match[0]):04x}", name) if _HARMFUL.search(name) else name


def shape(dims: tuple[int, ...] | None) -> str:
    """A shape as Python writes it; ``?`` where it is not known."""
    return "?" if dims is None else str(dims)


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
