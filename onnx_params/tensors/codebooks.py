"""List the tables of numbers that codes stand for, where these are not evenly spaced.

Sources: bitsandbytes, ``functional.py`` (the 16 numbers of NF4 and FP4); onnxruntime's MatMulBnb4
gives these numbers for the codes 0 to 15 (measured with release 1.32 and a matrix of ones); OCP
Microscaling Formats, E2M1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_E2M1: Final = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)  # and the same negative
CODEBOOKS: Final[Mapping[str, tuple[float, ...]]] = {
    "e2m1": (*_E2M1, *(-number for number in _E2M1)),
    "fp4": (
        0.0,
        0.005208333333,
        0.666666667,
        1.0,
        0.333333333,
        0.5,
        0.166666667,
        0.25,
        -0.0,
        -0.005208333333,
        -0.666666667,
        -1.0,
        -0.333333333,
        -0.5,
        -0.166666667,
        -0.25,
    ),
    "nf4": (
        -1.0,
        -0.696192800998688,
        -0.525073051452637,
        -0.394917488098145,
        -0.284441381692886,
        -0.184773430228233,
        -0.0910500362515450,
        0.0,
        0.0795802995562553,
        0.160930201411247,
        0.246112301945686,
        0.337915241718292,
        0.440709829330444,
        0.562617003917694,
        0.722956836223602,
        1.0,
    ),
}
