"""Quantize new values as the old ones were: scales and zero points are found anew by the scheme
that is there, biases in int32 follow the scales of their weights.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np

from onnx_params.applying.bands import Bands
from onnx_params.applying.codes import Codes, Now, codes_in, is_quantized
from onnx_params.applying.followers import Follower, followers
from onnx_params.applying.schemes import Range, Scheme, codes_of, in_float32, range_of, scales
from onnx_params.applying.shares import Share, obstacle
from onnx_params.containers.onnx.graph import Model
from onnx_params.errors import UnsupportedError, content_errors
from onnx_params.io.patches import CHUNK
from onnx_params.tensors.encode import RAW, encoded, numpy_type, pack, packed
from onnx_params.tensors.evaluate import dtype_of, spread
from onnx_params.tensors.steps import Dequantize, Key
from onnx_params.tensors.stored import StoredTensor
from onnx_params.tensors.undo import undone

_TAKES_SCALES: Final = frozenset({"QuantizeLinear", "DequantizeLinear"})
# what leaves the range of numbers as it is
_HANDS_ON: Final = _TAKES_SCALES | {
    "Gather",
    "Reshape",
    "Transpose",
    "Unsqueeze",
    "Squeeze",
    "Slice",
}
MAX_HOPS: Final = 6  # operators between codes and what takes their scale once more


class Made(NamedTuple):
    """What tensors that share a scale get: the scale, the zero point where it changes, codes."""

    scale: np.ndarray
    zero: np.ndarray | None
    stored: Mapping[Key, np.ndarray]


class Quantizer:
    """The quantized tensors of an artifact that get new values, by the scale that they share."""

    def __init__(
        self, model: Model, shares: Mapping[Key, Sequence[Share]], keeps_scales: bool
    ) -> None:
        self.model = model
        self.keeps_scales = keeps_scales
        self.power: dict[str, tuple[float, float]] = {}  # parameter -> signal, noise
        self._zeros: dict[Key, bool] = {}  # whether zero points are found anew
        self._last: tuple[Key, Made] | None = None
        self._kept: dict[Key, tuple[np.ndarray, np.ndarray | None]] = {}
        self.by_scale: dict[Key, list[Codes]] = {}
        wide: list[Codes] = []
        for key, listed in shares.items():
            if is_quantized(listed):
                each = codes_in(key, listed)
                if model.stored[key].dtype.name == "int32":
                    wide.append(each)
                else:
                    self.by_scale.setdefault(each.step.scale, []).append(each)
        self.scale_of: dict[Key, Key] = {
            each.key: scale for scale, listed in self.by_scale.items() for each in listed
        }
        changed = frozenset() if keeps_scales else frozenset(self.by_scale)
        self.followers: dict[Key, Follower] = {
            each.codes.key: each for each in followers(model, wide, changed)
        }
        self.owned: dict[Key, Key] = {  # scale of a follower alone -> the follower
            each.codes.step.scale: key
            for key, each in self.followers.items()
            if each.weight_scale is not None
        }

    @cached_property
    def written(self) -> list[Key]:
        """Every stored tensor that is written: codes, scales, zero points."""
        found: list[Key] = [*self.scale_of, *self.followers]
        if self.keeps_scales:
            return found
        found += [*self.by_scale, *self.owned]
        found += [
            listed[0].step.zero
            for listed in self.by_scale.values()
            if listed[0].step.zero is not None and self._has_zeros(listed[0])
        ]
        return list(dict.fromkeys(found))

    def problem(self, key: Key) -> str:
        """Why the codes of a stored tensor cannot be written; empty where they can."""
        if self.keeps_scales or key not in self.scale_of:
            return ""
        scale = self.scale_of[key]
        listed = self.by_scale[scale]
        zero = listed[0].step.zero if self._has_zeros(listed[0]) else None
        for each in (scale, zero):
            if each is None:
                continue
            reason = obstacle(self.model.stored[each]) or self._stranger(each, listed)
            if reason:
                return f"{reason}; --keep-scales leaves scales as they are"
        return ""

    def _stranger(self, key: Key, listed: Sequence[Codes]) -> str:
        """Whether something else takes a scale or zero point as well."""
        own = {each.key for each in listed} | set(self.followers)
        resolve = self.model.def_use.resolve
        for use in self.model.def_use.uses(key):
            node = use.node
            if node is None or node.op_type not in _TAKES_SCALES:
                continue
            taken = resolve(use.graph, node.inputs[0])
            if taken not in own and not self._comes_from(taken, own):
                return f"'{key[1]}' is the scale or zero point of others as well"
        return ""

    def _comes_from(self, taken: Key, own: set[Key]) -> bool:
        """Whether a value is one of those tensors, looked up, laid out anew or dequantized."""
        for _ in range(MAX_HOPS):
            producer = self.model.def_use.producer(taken)
            if producer is None or not producer.inputs or producer.op_type not in _HANDS_ON:
                return False
            taken = self.model.def_use.resolve(taken[0], producer.inputs[0])
            if taken in own:
                return True
        return False

    def _has_zeros(self, each: Codes) -> bool:
        """Whether zero points are found anew."""
        if each.step.zero is None:
            return False
        if each.key not in self._zeros:
            self._zeros[each.key] = Now.of(self.model, each).scheme.zero is None
        return self._zeros[each.key]

    def payload(self, key: Key) -> Iterator[bytes]:
        """The bytes of codes, of a scale or of zero points. Reads old and new values."""
        tensor, values = self.model.stored[key], self.array(key)
        if tensor.dtype.bits < 8 or tensor.encoding not in RAW:
            yield encoded(values, tensor.dtype, tensor.encoding)
            return
        flat = values.reshape(-1)
        step = max(1, CHUNK // flat.itemsize)
        for at in range(0, flat.size, step):
            yield packed(flat[at : at + step], tensor.dtype)

    def array(self, key: Key) -> np.ndarray:
        """What a stored tensor becomes."""
        if key in self.followers:
            return self._followed(self.followers[key])
        if key in self.owned:
            return self._own_scale(self.followers[self.owned[key]])
        if key in self.scale_of:
            return self._made(self.scale_of[key]).stored[key]
        if key in self.by_scale:
            return self._numbers(key)[0]
        for scale, listed in self.by_scale.items():
            if listed[0].step.zero == key:
                zero = self._numbers(scale)[1]
                return self.model.stored[key].read() if zero is None else zero
        return self.model.stored[key].read()

    def _numbers(self, scale: Key) -> tuple[np.ndarray, np.ndarray | None]:
        """Scale and zero point of a group."""
        if scale not in self._kept:
            self._made(scale)
        return self._kept[scale]

    def _made(self, scale: Key) -> Made:
        """Everything of the tensors that share a scale; the last one is kept."""
        if self._last is None or self._last[0] != scale:
            self._last = None
            self._last = scale, self._make(scale)
        return self._last[1]

    def _make(self, scale: Key) -> Made:
        listed = self.by_scale[scale]
        bands = Bands(self.model, listed[0])
        if len(listed) == 1 and bands.is_possible:
            return self._make_in_bands(scale, bands)
        now = [Now.of(self.model, each) for each in listed]
        wanted = [each.wanted() for each in now]
        scheme = now[0].scheme
        new = now[0].scale, now[0].zero
        if not self.keeps_scales:
            new = self._found(now[0], self._range(now, wanted), scheme)
        stored = {
            each.each.key: self._codes(each, values, new, scheme)
            for each, values in zip(now, wanted, strict=True)
        }
        self._kept[scale] = self._stored_numbers(now[0].each.step, new)
        return Made(*self._kept[scale], stored)

    def _make_in_bands(self, scale: Key, bands: Bands) -> Made:
        """The same of a large tensor, some rows at a time."""
        numbers = bands.numbers()
        first = next(iter(bands))
        is_one = numbers[0].size == 1
        # one scale for all: the rows with the largest number say how far codes reach
        seen = np.concatenate([_extremes(each.codes) for each in bands]) if is_one else first.codes
        scheme = replace(first, codes=seen, scale=numbers[0], zero=numbers[1]).scheme
        shared: tuple[np.ndarray, np.ndarray | None] | None = None
        if is_one and not self.keeps_scales:
            found = [self._range([each], [each.wanted()]) for each in bands]
            shared = self._found(first, functools.reduce(Range.with_other, found), scheme)
        stored = np.empty(bands.tensor.shape, numpy_type(bands.tensor.dtype))
        top = 0
        news: list[tuple[np.ndarray, np.ndarray | None]] = []
        for each in bands:
            values = each.wanted()
            new = shared or (each.scale, each.zero)
            if not is_one and not self.keeps_scales:
                new = self._found(each, self._range([each], [values]), scheme)
            news.append(new)
            made = self._codes(each, values, new, scheme)
            stored[top : top + len(made)] = made
            top += len(made)
        step = bands.each.step
        new = shared or _joined(news, numbers)
        self._kept[scale] = self._stored_numbers(step, new)
        return Made(*self._kept[scale], {bands.each.key: stored})

    def _range(self, listed: Sequence[Now], wanted: Sequence[np.ndarray]) -> Range:
        """The range of the values of each group, of all tensors that share the scales."""
        first = listed[0]
        with content_errors(first.where):
            found = [
                range_of(values, now.each.step, first.scale.shape, first.scale.size, now.groups)
                for now, values in zip(listed, wanted, strict=True)
            ]
        return functools.reduce(Range.with_other, found)

    def _found(
        self, first: Now, found: Range, scheme: Scheme
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Scales and zero points for ranges, rounded to their types."""
        scale, zero = scales(in_float32(found) if first.each.step.block else found, scheme)
        dtype = self._scale_dtype(first.each.step)
        with np.errstate(over="ignore"):
            scale = scale.reshape(first.scale.shape).astype(dtype).astype(np.float32)
        if zero is None or first.zero is None:
            return scale, first.zero
        return scale, zero.reshape(first.zero.shape).astype(first.zero.dtype)

    def _scale_dtype(self, step: Dequantize) -> np.dtype:
        if step.scale_type:
            return dtype_of(step.scale_type)
        return numpy_type(self.model.stored[step.scale].dtype)

    def _codes(
        self,
        now: Now,
        values: np.ndarray,
        new: tuple[np.ndarray, np.ndarray | None],
        scheme: Scheme,
    ) -> np.ndarray:
        """The stored array of codes; what they stand for is measured against what was wanted."""
        scale, zero = new
        step = now.each.step
        beside = spread(scale, step, values.shape, now.groups)
        offset: np.ndarray | float = float(step.offset)
        if zero is not None:
            offset = spread(zero.astype(np.float32), step, values.shape, now.groups)
        codes = codes_of(values, beside, offset, scheme)
        if scheme.table:
            made = np.asarray(scheme.table, np.float32)[codes] * beside
        else:
            made = (codes.astype(np.float32) - offset) * beside
        self._measure(now.each, values, made)
        if now.tensor.dtype.bits >= 8 and not now.each.bits:
            codes = codes.astype(numpy_type(now.tensor.dtype))
        else:
            codes = codes.astype(np.int8 if scheme.low < 0 else np.uint8)
        with content_errors(now.where):
            return undone(now.stored, now.each.before, codes)

    def _measure(self, each: Codes, wanted: np.ndarray, made: np.ndarray) -> None:
        error = wanted - made
        signal, noise = float(np.vdot(wanted, wanted)), float(np.vdot(error, error))
        for share in each.shares:
            before = self.power.get(share.name, (0.0, 0.0))
            self.power[share.name] = before[0] + signal, before[1] + noise

    def sqnr(self, name: str) -> float | None:
        """Signal to quantization noise of a parameter whose codes were made, in decibels; infinite
        where there is no noise.
        """
        if name not in self.power:
            return None
        signal, noise = self.power[name]
        return 10 * math.log10(signal / noise) if noise and signal else math.inf

    def _stored_numbers(
        self, step: Dequantize, new: tuple[np.ndarray, np.ndarray | None]
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Scales and zero points as they are stored: in their types, packed."""
        scale, zero = new
        stored = self.model.stored[step.scale]
        made = scale.astype(self._scale_dtype(step)).reshape(stored.shape)
        if step.scale_type:
            made = made.view(np.uint8)
        if zero is None or step.zero is None:
            return made, None
        if not step.zero_bits or zero.dtype != np.uint8:
            return made, zero.reshape(self.model.stored[step.zero].shape)
        return made, _packed_rows(zero, step, self.model.stored[step.zero])

    def _followed(self, each: Follower) -> np.ndarray:
        """The codes of a bias in int32: values over the scales of the layer's input and weight."""
        now = Now.of(self.model, each.codes)
        step = each.codes.step
        values = now.wanted()
        scale = self._scale_now(step.scale) if step.scale in self.by_scale else now.scale
        if each.weight_scale is not None:
            scale = self._own_scale(each).astype(np.float32).reshape(now.scale.shape)
        beside = spread(scale, step, values.shape).astype(np.float64)
        codes = np.rint(values.astype(np.float64) / np.where(beside != 0, beside, 1.0))
        bounds = np.iinfo(np.int32)
        if np.abs(codes).max(initial=0.0) > bounds.max:
            raise UnsupportedError(f"{now.where}: its values are too large for its scale")
        self._measure(each.codes, values, (codes * beside).astype(np.float32))
        with content_errors(now.where):
            return undone(now.stored, each.codes.before, codes.astype(np.int32))

    def _scale_now(self, key: Key) -> np.ndarray:
        """A scale as float32, new where it changes."""
        made = self.array(key) if key in self.by_scale else self.model.stored[key].read()
        return made.astype(np.float32)

    def _own_scale(self, each: Follower) -> np.ndarray:
        """The scale of a bias that is the product of two others."""
        assert each.weight_scale is not None and each.input_scale is not None
        stored = self.model.stored[each.codes.step.scale]
        product = self._scale_now(each.input_scale).reshape(-1) * self._scale_now(
            each.weight_scale
        ).reshape(-1)
        return np.asarray(product.astype(numpy_type(stored.dtype)).reshape(stored.shape))


def _extremes(codes: np.ndarray) -> np.ndarray:
    return np.array([codes.min(), codes.max()])


def _joined(
    news: Sequence[tuple[np.ndarray, np.ndarray | None]], now: tuple[np.ndarray, np.ndarray | None]
) -> tuple[np.ndarray, np.ndarray | None]:
    """The scales and zero points of bands, one after the other; those that all share stay one."""
    scale, zero = now
    if scale.size > 1:
        scale = np.concatenate([each for each, _ in news])
    if zero is not None and zero.size > 1:
        zero = np.concatenate([each for _, each in news if each is not None])
    return scale, zero


def _packed_rows(zero: np.ndarray, step: Dequantize, stored: StoredTensor) -> np.ndarray:
    """Zero points of fewer than 8 bits in bytes, each row filled to whole ones."""
    per_byte = 8 // step.zero_bits
    short = -zero.shape[1] % per_byte
    filled = np.pad(zero, ((0, 0), (0, short)))
    return pack(filled.reshape(-1), step.zero_bits).reshape(stored.shape)
