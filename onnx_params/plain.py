"""Escape control characters: names are a stranger's text, and go to terminals, tables and error
messages.
"""

from __future__ import annotations

import re
from typing import Final

_HARMFUL: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def plain(name: str) -> str:
    """A name without anything that a terminal or a table would act upon: control and direction
    characters as escapes.
    """
    return (
        _HARMFUL.sub(lambda match: f"\\u{ord(match[0]):04x}", name)
        if _HARMFUL.search(name)
        else name
    )
