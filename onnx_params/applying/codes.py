"""Describe a stored tensor that holds codes: its steps, what it holds now, what it gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from onnx_params.applying.schemes import Scheme, scheme_of
from onnx_params.applying.shares import Share
from onnx_params.containers.onnx.graph import Model
from onnx_params.errors import UnsupportedError, content_errors
from onnx_params.tensors.evaluate import Read, apply, scale_of, spread, zero_of
from onnx_params.tensors.steps import Dequantize, Key, Lookup, Slice, Steps, Unpack
from onnx_params.tensors.stored import StoredTensor
from onnx_params.tensors.undo import undone


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """A quantized tensor. ``before`` leads from storage to codes, ``step`` dequantizes them,
    ``more`` are further scales, which stay; each share has the steps after that.
    """

    key: Key
    before: Steps
    codebook: str
    step: Dequantize
    more: tuple[Dequantize, ...]
    shares: tuple[Share, ...]  # their steps begin behind the dequantization

    @property
    def bits(self) -> int:
        return next((step.bits for step in self.before if isinstance(step, Unpack)), 0)


def is_quantized(shares: Sequence[Share]) -> bool:
    """Whether a stored tensor is codes of what it gets."""
    return any(isinstance(step, (Dequantize, Lookup)) for step in shares[0].steps)


def codes_in(key: Key, shares: Sequence[Share]) -> Codes:
    """The description of a quantized tensor.

    Raises :class:`UnsupportedError` where its parameters do not agree on how it is quantized.
    """
    split = [_split(share.steps) for share in shares]
    if len({(before, codebook, step, more) for before, codebook, step, more, _ in split}) > 1:
        raise UnsupportedError(f"its shares of '{key[1]}' are quantized in different ways")
    before, codebook, step, more, _ = split[0]
    behind = tuple(
        share._replace(steps=after) for share, (*_, after) in zip(shares, split, strict=True)
    )
    if any(isinstance(each, (Dequantize, Lookup)) for share in behind for each in share.steps):
        raise UnsupportedError(f"'{key[1]}' is quantized more than once")
    return Codes(key=key, before=before, codebook=codebook, step=step, more=more, shares=behind)


def _split(steps: Steps) -> tuple[Steps, str, Dequantize, tuple[Dequantize, ...], Steps]:
    at = next(at for at, step in enumerate(steps) if isinstance(step, (Dequantize, Lookup)))
    before, rest = steps[:at], steps[at:]
    codebook = ""
    if isinstance(rest[0], Lookup):
        codebook, rest = rest[0].codebook, rest[1:]
    scales: list[Dequantize] = []
    for each in rest:
        if not isinstance(each, Dequantize):
            break
        scales.append(each)
    if not scales:
        raise UnsupportedError("its codes are looked up in a table, and have no scale")
    return before, codebook, scales[0], tuple(scales[1:]), rest[len(scales) :]


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """What a quantized tensor holds now, or some rows of it: what is stored, its codes, scales and
    zero points, and the blocks of its lines where they do not lie side by side.
    """

    each: Codes
    tensor: StoredTensor
    where: str
    read: Read
    stored: np.ndarray
    codes: np.ndarray
    scale: np.ndarray
    zero: np.ndarray | None
    groups: np.ndarray | None

    @classmethod
    def of(cls, model: Model, each: Codes) -> Now:
        """All of a tensor. Reads it."""

        def read(key: Key) -> np.ndarray:
            return model.stored[key].read()

        tensor = model.stored[each.key]
        where = f"{model.source.label}: tensor '{each.key[1]}'"
        with content_errors(where):
            stored = tensor.read()
            codes = apply(stored, each.before, read)
            groups = None if each.step.groups is None else read(each.step.groups).reshape(-1)
            return cls(
                each=each,
                tensor=tensor,
                where=where,
                read=read,
                stored=stored,
                codes=codes,
                scale=scale_of(each.step, read),
                zero=zero_of(each.step, codes.shape, read),
                groups=groups,
            )

    @property
    def scheme(self) -> Scheme:
        """The scheme by which it was quantized."""
        return scheme_of(
            self.codes,
            self.zero,
            self.scale,
            self.tensor.dtype,
            bits=self.each.bits,
            offset=self.each.step.offset,
            codebook=self.each.codebook,
        )

    def wanted(self) -> np.ndarray:
        """The numbers that the codes are to stand for, in their layout: those of the shares, and
        what they stand for now where there is no share. Reads the new values.
        """
        with content_errors(self.where):
            values = self._kept()
            for share in self.each.shares:
                values = undone(values, share.steps, share.read().astype(np.float32))
            return np.asarray(values / self.factor(values.shape), np.float32)

    def _kept(self) -> np.ndarray:
        """What the codes stand for now; any numbers where nothing of it stays."""
        each = self.each
        is_replaced = len(each.shares) == 1 and not any(
            isinstance(step, Slice) for step in each.shares[0].steps
        )
        if is_replaced:
            return np.broadcast_to(np.float32(0), self.codes.shape)
        lookup = (Lookup(each.codebook),) if each.codebook else ()
        return apply(self.codes, (*lookup, each.step, *each.more), self.read)

    def factor(self, shape: tuple[int, ...]) -> np.ndarray:
        """What dequantized numbers are multiplied by besides their scale."""
        made = np.ones((), np.float32)
        second = self.each.step.second
        if second is not None:
            made = made * self.read(second).astype(np.float32).reshape(())
        for step in self.each.more:
            made = made * spread(scale_of(step, self.read), step, shape)
        return made
