"""Tell the type of half precision that a model went through before its weights were quantized, by
what is left of it: scales of which the largest numbers are of that type, vectors that are.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np

from onnx_params.matching.candidates import Candidate
from onnx_params.matching.casts import coarse_type
from onnx_params.matching.match_state import MatchState
from onnx_params.tensors.steps import Dequantize, Unpack
from onnx_params.tensors.stored import StoredTensor

MIN_VECTOR: Final = 8  # different numbers, of which all are of a type by no chance
MAX_VECTOR: Final = 1 << 16
MAX_ASKED: Final = 1024  # stored tensors
MAX_BYTES: Final = 1 << 24  # of one of them
MIN_FOUND: Final = 2  # tensors that say the same
FINEST: Final = 2.0**6  # parts of a mantissa that whole numbers and simple fractions do not need


def halved(state: MatchState) -> None:
    """Write down the type, where two stored tensors at least say it."""
    if not any(candidate.is_quantized for candidate in state.free()):
        return
    asked = [each for each in state.candidates.values() if each.tensor.n_bytes <= MAX_BYTES]
    types = (_type_of(state, candidate) for candidate in asked[:MAX_ASKED])
    said = Counter(name for name in types if name)
    found = said.most_common(1)
    if found and found[0][1] >= MIN_FOUND:
        state.values.once = found[0][0]


def _type_of(state: MatchState, candidate: Candidate) -> str:
    """What one stored tensor says; empty where it says nothing."""
    if any(isinstance(step, Unpack) for step in candidate.steps):
        return ""  # codes of few bits hide how numbers were rounded before
    for step in candidate.steps:
        if isinstance(step, Dequantize):
            return state.values.type_before(candidate.key, candidate.steps, step)
    return _type_of_vector(candidate.tensor)


def _type_of_vector(tensor: StoredTensor) -> str:
    is_vector = max(tensor.shape, default=0) == tensor.count
    if not is_vector or not MIN_VECTOR <= tensor.count <= MAX_VECTOR or not tensor.dtype.is_float:
        return ""
    values = tensor.read()
    parts = np.abs(np.frexp(values.astype(np.float64))[0]) * FINEST
    if np.count_nonzero(parts != np.round(parts)) < MIN_VECTOR:
        return ""
    return coarse_type(values)
