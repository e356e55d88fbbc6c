"""List the highest opsets and IR version that each release of a runtime accepts.

Source: onnxruntime, ``docs/reference/compatibility.md`` up to 1.20. Every release from 1.15 on, and
the last of 1.10 to 1.14, was compared with it by models of one node; where both differ (ai.onnx.ml
of 1.11 and of 1.18 to 1.20, IR of 1.15) the table has what the release itself accepts.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from onnx_params.errors import UsageError


class Limits(NamedTuple):
    """The highest versions that a release takes."""

    onnx: int
    ml: int
    ir: int


ONNXRUNTIME: Final = {
    (1, 10): Limits(15, 2, 8),
    (1, 11): Limits(16, 3, 8),
    (1, 12): Limits(17, 3, 8),
    (1, 13): Limits(17, 3, 8),
    (1, 14): Limits(18, 3, 8),
    (1, 15): Limits(19, 3, 9),
    (1, 16): Limits(19, 3, 9),
    (1, 17): Limits(20, 4, 9),
    (1, 18): Limits(21, 5, 10),
    (1, 19): Limits(21, 5, 10),
    (1, 20): Limits(21, 5, 10),
    (1, 21): Limits(22, 5, 10),
    (1, 22): Limits(22, 5, 10),
    (1, 23): Limits(23, 5, 11),
    (1, 24): Limits(25, 5, 13),
    (1, 25): Limits(26, 5, 13),
    (1, 26): Limits(26, 5, 13),
    (1, 27): Limits(26, 5, 13),
    (1, 28): Limits(26, 5, 13),
    (1, 29): Limits(26, 5, 13),
    (1, 30): Limits(26, 5, 13),
    (1, 31): Limits(26, 5, 13),
    (1, 32): Limits(28, 5, 14),
}


_WANTED: Final = re.compile(r"^onnxruntime\s*==\s*(\d+)\.(\d+)(\.\d+)*$")


def limits(runtime: str) -> Limits:
    """What a release takes, named as pip names it:

    ``onnxruntime==1.18``. Raises :class:`UsageError` where the table has no such release.
    """
    match = _WANTED.match(runtime.strip())
    found = ONNXRUNTIME.get((int(match[1]), int(match[2]))) if match else None
    if found is None:
        first, last = min(ONNXRUNTIME), max(ONNXRUNTIME)
        raise UsageError(
            f"--runtime {runtime}: is not known; give onnxruntime==X.Y, from {first[0]}.{first[1]}"
            f" to {last[0]}.{last[1]}"
        )
    return found
