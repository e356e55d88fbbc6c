"""Describe a stored tensor as its operator uses it, with how far its numbers may lie from the
original's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Final

import numpy as np

from onnx_params.containers.onnx.graph import Model, Node
from onnx_params.dataflow.logical import logical
from onnx_params.dataflow.nchwc import BLOCKS, block_steps, inputs_of, is_blocked
from onnx_params.dataflow.pairs import unpaired
from onnx_params.dataflow.walk import stored_behind
from onnx_params.idioms.onnxruntime import is_dequantized
from onnx_params.matching.casts import casts_to, coarse_type, type_before
from onnx_params.matching.grids import Pattern, half_gaps, pattern_of
from onnx_params.matching.grids import is_rounded as is_on_pattern
from onnx_params.matching.levels import has_levels, is_by_few
from onnx_params.matching.rounding import (
    HALF_STEP,
    ROUNDING,
    SCALE_ROUNDING,
    Rounded,
    around,
    bits_of,
    is_left_over,
    is_rounded,
    units,
)
from onnx_params.operators.schemas import schema
from onnx_params.tensors.encoding import Encoding
from onnx_params.tensors.evaluate import apply, evaluate
from onnx_params.tensors.steps import (
    SWAP,
    Dequantize,
    Key,
    Permute,
    Placement,
    Shape,
    Steps,
    chain,
    dequantizes,
    shape_after,
)
from onnx_params.tensors.stored import StoredTensor

# by rank: from [out, in, ...], as operators take kernels, to channels last, as Keras and Flax have
# them, and TensorFlow Lite, with the outputs first; also of a kernel for each channel
CHANNELS_LAST: Final[dict[int, tuple[Permute, ...]]] = {
    2: (SWAP,),
    3: (Permute((2, 1, 0)), Permute((2, 0, 1))),
    4: (
        Permute((2, 3, 1, 0)),
        Permute((2, 3, 0, 1)),
        Permute((0, 2, 3, 1)),
        Permute((1, 2, 3, 0)),
    ),
    5: (Permute((2, 3, 4, 1, 0)), Permute((2, 3, 4, 0, 1))),
}
# half units in the last place: one for the cast, one for what was computed before it
COARSE_ULPS: Final = 2.0
BYTE: Final = HALF_STEP / 127  # of the largest number: half a step of signed 8 bits
BIAS_APART: Final = 1e-3  # of a bias' largest number, that its integers of 32 bits may be off
SMALLEST: Final = {"float16": 2.0**-24}  # what is flushed to zero, at most
MAX_KEPT: Final = 256 << 20  # bytes of dequantized values kept for the next question
# relative to the largest number of the tensor: what rounding to a type may change, with room for a
# product before it
TOLERANCE: Final = {"float64": 1e-6, "float32": 2e-5, "float16": 2e-3, "bfloat16": 2e-2}


class Candidate:
    """A stored tensor, the steps to what its operator takes (there may be more than one way), and
    values when asked.
    """

    def __init__(self, model: Model, tensor: StoredTensor, order: int) -> None:
        self.model = model
        self.tensor = tensor
        self.order = order
        taken = logical(model, tensor)
        self.shape: Shape = taken.shape
        self.view = taken.view
        ways: list[Steps] = [] if taken.steps is None else [taken.steps]
        if (
            len(tensor.shape) == 4
            and len(taken.shape) == 4
            and (taken.steps is None or is_blocked(model, tensor))
        ):
            ways = [
                block_steps(tensor.shape, taken.shape[0], inputs_of(model, tensor, block), block)
                for block in BLOCKS
                if tensor.shape[0] % block == 0
            ]
        apart = unpaired(model, tensor, taken.shape)
        self.ways = [*ways, *(chain(*way, *apart) for way in ways if apart)]

    @property
    def key(self) -> Key:
        return self.tensor.key

    @property
    def steps(self) -> Steps:
        """The likeliest way."""
        return self.ways[0] if self.ways else ()

    @property
    def is_quantized(self) -> bool:
        """Whether numbers were rounded to steps of a scale, or computed of codes."""
        return self.is_computed or dequantizes(self.steps)

    @property
    def is_computed(self) -> bool:
        """Whether nodes compute its numbers of codes."""
        return self.tensor.encoding is Encoding.COMPUTED

    @cached_property
    def is_coarse(self) -> bool:
        """Whether its numbers are rounded ones: quantized, or a few levels stored as numbers. Reads
        those.
        """
        if self.is_quantized:
            return True
        return self.is_float and self.tensor.count > 0 and has_levels(self.tensor.read())

    @property
    def is_float(self) -> bool:
        return self.tensor.dtype.is_float

    @cached_property
    def is_beside_coarse(self) -> bool:
        """Whether it is a vector in the bias slot of a node whose weight is rounded and stored as
        numbers: quantizers give the bias integers of 32 bits. Reads that weight.
        """
        if not self.is_float or max(self.tensor.shape, default=1) != self.tensor.count:
            return False
        return any(
            weight.dtype.is_float and weight.n_bytes <= MAX_KEPT and has_few_numbers(weight)
            for weight in _weights_beside(self.model, self.key)
        )

    @property
    def count(self) -> int:
        """Elements that its operator uses: unpacked, without padding."""
        return math.prod(self.shape)

    def shape_under(self, steps: Steps) -> Shape:
        return shape_after(self.tensor.shape, steps)


def _is_within_byte(difference: np.ndarray, values: np.ndarray) -> bool:
    """Whether nothing is off by more than half a step of 8 bits: of the range of all numbers, or of
    each line along the first axis or the second. For rows too short to show their steps.
    """
    lines = [np.moveaxis(values, axis, 0) for axis in range(min(2, values.ndim))]
    rooms = [float(np.abs(values).max(initial=0.0)) * BYTE * np.ones(())]
    for axis, each in enumerate(lines):
        largest = np.abs(each.reshape(len(each), -1)).max(axis=1, initial=0.0)
        shape = [1] * values.ndim
        shape[axis] = -1
        rooms.append(largest.reshape(shape) * BYTE)
    return any(bool(np.all(np.abs(difference) <= room)) for room in rooms)


def has_few_numbers(weight: StoredTensor) -> bool:
    """Whether a weight has the numbers of a quantizer's codes, by its name or by them. Reads it."""
    if is_dequantized(weight.name):
        return True
    values = weight.read()
    return has_levels(values) or pattern_of(values).has_grid


def _weights_beside(model: Model, key: Key) -> Iterator[StoredTensor]:
    """The stored tensors in the weight slot of the nodes that take one as their bias, or whose
    result it is added to.
    """
    for use in model.def_use.uses(key):
        if use.node is None:
            continue
        node: Node | None = use.node
        if use.node.op_type == "Add":
            others = [name for slot, name in enumerate(use.node.inputs) if slot != use.slot]
            node = model.def_use.producer(model.def_use.resolve(use.graph, others[0]))
        operator = None if node is None else schema(node.domain, node.op_type)
        if node is None or operator is None:
            continue
        is_bias = node is not use.node or operator.word(use.slot) == "bias"
        weight = operator.weight_slot
        if not is_bias or weight is None or weight >= len(node.inputs):
            continue
        found = stored_behind(model, use.graph, node.inputs[weight])
        if found is not None:
            yield found


class Values:
    """Values of candidates under steps; keeps the last ones."""

    def __init__(self, model: Model) -> None:
        self._stored = model.stored
        self._kept: dict[tuple[Key, Steps, str], np.ndarray] = {}
        self._patterns: dict[tuple[Key, Steps], Pattern] = {}
        self._types: dict[tuple[Key, Steps, Dequantize], str] = {}
        self._n_bytes = 0
        self.once = ""  # the type of half precision that all weights went through

    def read(self, key: Key) -> np.ndarray:
        """A stored tensor's values, for scales and zero points."""
        return self._stored[key].read()

    def type_before(self, key: Key, steps: Steps, step: Dequantize) -> str:
        """The coarser type that numbers had before they were quantized, by one of the steps that
        dequantize them; empty where it says none.
        """
        found = self._types.get((key, steps, step))
        if found is None:
            found = type_before(self.read(step.scale), self.codes(key, steps), self._zero_of(step))
            self._types[key, steps, step] = found
        return found

    def _zero_of(self, step: Dequantize) -> int:
        """The code that is zero, by the first of several; 0 where a file says nothing sensible."""
        if step.zero is None:
            return step.offset
        first = self.read(step.zero).reshape(-1)[:1].astype(np.float64)
        return int(first[0]) if first.size and np.isfinite(first[0]) else 0

    def of(self, key: Key, steps: Steps) -> np.ndarray:
        """What the steps make of a stored tensor, as float32 where it was rounded."""
        return self._keep(
            (key, steps, "values"), lambda: evaluate(self._stored, Placement(key, steps))
        )

    def codes(self, key: Key, steps: Steps) -> np.ndarray:
        """The integers before they were dequantized, in the same layout."""
        plain = tuple(step for step in steps if not isinstance(step, Dequantize))
        return self._keep(
            (key, plain, "codes"), lambda: evaluate(self._stored, Placement(key, plain))
        )

    def pattern(self, key: Key, steps: Steps) -> Pattern:
        """What values have in common: quantizers may store what their codes stand for."""
        found = self._patterns.get((key, steps))
        if found is None:
            found = self._patterns[key, steps] = pattern_of(self.of(key, steps))
        return found

    def half_steps(self, key: Key, steps: Steps) -> np.ndarray:
        """Half a quantization step at each element, in the same layout; of codes that nodes turned
        into numbers, half of the widest gap in the row.
        """

        def make() -> np.ndarray:
            if not dequantizes(steps):
                return half_gaps(self.of(key, steps))
            before, after = around(steps)
            where = f"'{key[1]}'"
            codes = apply(self._stored[key].read(), before, self.read, where)
            bare = tuple(
                step._replace(zero=None, offset=0) if isinstance(step, Dequantize) else step
                for step in after
            )
            made: np.ndarray = np.abs(apply(units(codes, before), bare, self.read, where))
            return made * np.float32(HALF_STEP)

        return self._keep((key, steps, "half steps"), make)

    def allowed(self, target: np.ndarray, key: Key, steps: Steps) -> np.ndarray:
        """Half a step; by how much ``target`` was itself rounded where it is in half precision, for
        both may come from one original; by how much the scale was, where it is, or was once; and
        what was quantized, where its scale says that.
        """
        relative = ROUNDING.get(target.dtype.name, 0.0)
        for step in steps:
            if isinstance(step, Dequantize):
                scale = self.read(step.scale)
                rounding = ROUNDING.get(coarse_type(scale) or scale.dtype.name, 0.0)
                relative += SCALE_ROUNDING * rounding
                if not rounding:
                    before = self.type_before(key, steps, step) or self.once
                    relative += ROUNDING.get(before, 0.0)
        half = self.half_steps(key, steps)
        return half + np.abs(target.astype(np.float32)) * np.float32(relative) if relative else half

    def _keep(self, key: tuple[Key, Steps, str], make: Callable[[], np.ndarray]) -> np.ndarray:
        found = self._kept.get(key)
        if found is None:
            found = make()
            if self._n_bytes + found.nbytes > MAX_KEPT:
                self._kept.clear()
                self._n_bytes = 0
            self._kept[key] = found
            self._n_bytes += found.nbytes
        return found

    def is_close(
        self, target: np.ndarray, candidate: Candidate, steps: Steps, strictly: bool = False
    ) -> bool:
        """Whether a stored tensor is ``target`` rounded to what it is stored in: to its type, or to
        the codes of a quantizer; ``strictly`` to the nearest ones.
        """
        values = self.of(candidate.key, steps)
        if values.shape != target.shape:
            return False
        with np.errstate(over="ignore", invalid="ignore"):
            difference = target.astype(np.float32) - values.astype(np.float32)
        size = float(np.abs(target).max(initial=0.0))
        if not np.isfinite(size):
            return False
        if not dequantizes(steps):
            dtype = candidate.tensor.dtype.name
            tolerance = TOLERANCE.get(dtype, 0.0)
            if bool(np.all(np.abs(difference) <= tolerance * max(size, 1e-30))):
                return True
            if dtype in ROUNDING and any(
                np.array_equal(cast, values) for cast in casts_to(target, dtype, values)
            ):
                return True
            coarse = coarse_type(values, self.once)
            room = COARSE_ULPS * ROUNDING.get(coarse, 0.0) * np.abs(target) + SMALLEST.get(
                coarse, 0.0
            )
            if coarse and np.all(np.abs(difference) <= room):
                return True
            if candidate.is_beside_coarse and np.all(np.abs(difference) <= BIAS_APART * size):
                return True
            if candidate.is_float:
                pattern = self.pattern(candidate.key, steps)
                if is_on_pattern(target, values, pattern, strictly):
                    return True
                if not pattern.has_grid and is_dequantized(candidate.tensor.name):
                    return _is_within_byte(difference, values)
            return candidate.is_computed and not strictly and is_left_over(target, values)
        whole = self.codes(candidate.key, steps)
        # torch cuts the fractions of biases off
        steps_off = 2 if whole.dtype.name == "int32" else 1
        rounded = Rounded(
            original=target,
            made=values,
            codes=whole,
            allowed=np.broadcast_to(
                steps_off * self.allowed(target, candidate.key, steps), target.shape
            ),
            bits=bits_of(whole, steps),
        )
        if is_rounded(rounded, TOLERANCE["float32"] * size, strictly):
            return True
        return not strictly and is_by_few(target, values)
