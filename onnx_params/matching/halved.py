"""Tell the type of half precision that a model went through before its weights were quantized or
computed into others, by what is left of it: scales of which the largest numbers are of that type,
vectors that are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np

from onnx_params.io.sources import ComputedSource
from onnx_params.matching.candidates import Candidate
from onnx_params.matching.casts import MANTISSAS, cast_to, coarse_type
from onnx_params.matching.match_state import MatchState
from onnx_params.tensors.dtypes import BY_NAME
from onnx_params.tensors.encoding import Encoding, Span
from onnx_params.tensors.small import first_numbers
from onnx_params.tensors.steps import Dequantize, Unpack
from onnx_params.tensors.stored import StoredTensor

TYPES: Final = ("float16", "bfloat16")
MIN_VECTOR: Final = 8  # different numbers, of which all are of a type by no chance
MAX_VECTOR: Final = 1 << 16
N_FIRST: Final = 1 << 10  # numbers of an array
MAX_ASKED: Final = 1024  # stored tensors
MAX_BYTES: Final = 1 << 24  # of one of them
MIN_FOUND: Final = 2  # tensors that say the same
FINEST: Final = 2.0**6  # parts of a mantissa that whole numbers and simple fractions do not need


def halved(state: MatchState) -> None:
    """Write down the type, where two stored tensors at least say it."""
    asked = [each for each in state.candidates.values() if each.tensor.n_bytes <= MAX_BYTES]
    types = (_type_of(state, candidate) for candidate in asked[:MAX_ASKED])
    said = Counter(name for name in types if name)
    found = said.most_common(1)
    if found and found[0][1] >= MIN_FOUND:
        state.values.once = found[0][0]


@contextmanager
def as_halves(state: MatchState) -> Iterator[None]:
    """The reference as the model had it after its weights were rounded to half precision: what was
    computed of those is compared with what is computed of these, as nearly as if nothing had been
    rounded.
    """
    reference, once = state.reference, state.values.once
    halves = {name: _rounded(tensor, once) for name, tensor in reference.items()}
    state.take_as_reference(halves)
    state.values.once = ""
    try:
        yield
    finally:
        state.take_as_reference(reference)
        state.values.once = once


def _rounded(tensor: StoredTensor, name: str) -> StoredTensor:
    """A tensor whose numbers are rounded to a type when they are read; as it is where it has none
    of more bits for them. float16 has more than bfloat16, and fewer for exponents: numbers of both
    are float32's.
    """
    own = tensor.dtype
    if not _is_finer(own.name, name) or not tensor.count:
        return tensor
    dtype = BY_NAME["float32"] if own.name == "float16" else own

    def make() -> bytes:
        made = cast_to(tensor.read(), name).astype(dtype.name)
        return np.ascontiguousarray(made).tobytes()

    source = ComputedSource(f"'{tensor.name}' as {name}", dtype.packed_length(tensor.count), make)
    return tensor._replace(
        dtype=dtype,
        encoding=Encoding.RAW,
        spans=(Span(0, source.n_bytes),),
        source=source,
        external=None,
    )


def _is_finer(dtype: str, other: str) -> bool:
    """Whether a type has more bits for its numbers than a type of half precision."""
    return dtype in ("float32", "float64") or MANTISSAS.get(dtype, 0) > MANTISSAS[other]


def _type_of(state: MatchState, candidate: Candidate) -> str:
    """What one stored tensor says; empty where it says nothing."""
    if any(isinstance(step, Unpack) for step in candidate.steps):
        return ""  # codes of few bits hide how numbers were rounded before
    for step in candidate.steps:
        if isinstance(step, Dequantize):
            return state.values.type_before(candidate.key, candidate.steps, step)
    return _type_of_numbers(candidate.tensor)


def _type_of_numbers(tensor: StoredTensor) -> str:
    """What a vector says, or the first numbers of an array do."""
    if tensor.count < MIN_VECTOR or not tensor.dtype.is_float:
        return ""
    is_vector = max(tensor.shape, default=0) == tensor.count
    if is_vector and tensor.count <= MAX_VECTOR:
        values = tensor.read()
    else:
        values = np.array(first_numbers(tensor, min(tensor.count, N_FIRST)), np.float32)
    parts = np.abs(np.frexp(values.astype(np.float64))[0]) * FINEST
    if np.count_nonzero(parts != np.round(parts)) < MIN_VECTOR:
        return ""
    return coarse_type(values)
