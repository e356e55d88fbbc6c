"""Describe the numbers of stored tensors in one pass, in bounded memory: extremes, moments, zeros,
NaN, quantiles.

Quantiles come from a histogram whose bins are the leading 16 bits of each number: sign, exponent
and 7 bits of fraction of a float32, so that a quantile is right to one part in 128. Types of 8 and
16 bits have one bin a value, and everything about them is exact.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final, NamedTuple

import numpy as np

from onnx_params.errors import UnsupportedError
from onnx_params.tensors.chunks import chunks
from onnx_params.tensors.stored import StoredTensor

QUANTILES: Final = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
THREADS: Final = min(4, os.cpu_count() or 1)
_BINS: Final = 1 << 16
_BLOCK: Final = 1 << 10  # elements whose sum is taken in float32
_EXPONENT: Final = 0x7F80  # of the leading half of a float32


class Stats(NamedTuple):
    """What one tensor's numbers are like.

    ``minimum`` to ``quantiles`` are of the finite ones, NaN where there are none.

    ``n_low`` and ``n_high`` count the elements that have the least and the greatest value that the
    type has.
    """

    n: int
    minimum: float
    maximum: float
    mean: float
    std: float
    zeros: int
    nans: int
    infinite: int
    subnormal: int
    n_low: int
    n_high: int
    quantiles: tuple[float, ...]
    bins: tuple[tuple[float, int], ...]


def describe(tensor: StoredTensor) -> Stats | None:
    """The statistics of a stored tensor; ``None`` where it has no numbers.

    Reads all values, a chunk at a time.
    """
    if tensor.dtype.name in ("string", "bool") or tensor.dtype.name.startswith("complex"):
        return None
    try:
        return describe_values(chunks(tensor))
    except UnsupportedError:
        return None


def describe_all(
    tensors: Iterable[StoredTensor], progress: Callable[[int], None] = lambda n_bytes: None
) -> dict[tuple[str, str], Stats]:
    """The statistics of many tensors by key; ``progress`` is called with the bytes are done."""

    def one(tensor: StoredTensor) -> tuple[StoredTensor, Stats | None]:
        return tensor, describe(tensor)

    found = {}
    with ThreadPoolExecutor(THREADS) as pool:
        for tensor, stats in pool.map(one, tensors):
            progress(tensor.n_bytes)
            if stats is not None:
                found[tensor.key] = stats
    return found


def describe_values(pieces: Iterable[np.ndarray]) -> Stats | None:
    """The statistics of numbers that come in pieces, in any order; ``None`` where there
    are none.
    """
    total: _Total | None = None
    for values in pieces:
        if values.dtype == object:
            return None
        if total is None:
            total = _Codes(values.dtype) if values.dtype.itemsize <= 2 else _Wide(values.dtype)
        total.add(values)
    return None if total is None else total.stats()


class _Total:
    """What is kept while numbers go by."""

    def __init__(self, dtype: np.dtype) -> None:
        self.dtype = dtype
        self.counts = np.zeros(_BINS, np.int64)

    def add(self, values: np.ndarray) -> None:
        raise NotImplementedError

    def stats(self) -> Stats:
        raise NotImplementedError


class _Codes(_Total):
    """Types of up to 16 bits: how often each of their values occurs."""

    def add(self, values: np.ndarray) -> None:
        bits = np.ascontiguousarray(values).view(f"u{values.dtype.itemsize}")
        self.counts += np.bincount(bits, minlength=_BINS)

    def stats(self) -> Stats:
        width = self.dtype.itemsize
        codes = np.arange(1 << (8 * width), dtype=f"u{width}")
        numbers = _numbers(codes.view(self.dtype))
        counts = self.counts[: len(codes)]
        finite = np.isfinite(numbers)
        used = (counts > 0) & finite
        n = int(counts[used].sum())
        values, weights = numbers[used], counts[used]
        mean = float((values * weights).sum() / n) if n else math.nan
        variance = float((weights * (values - mean) ** 2).sum() / n) if n else math.nan
        least = float(numbers[finite].min())
        greatest = float(numbers[finite].max())
        tiny = _smallest_normal(self.dtype)
        return Stats(
            n=int(counts.sum()),
            minimum=float(values.min()) if n else math.nan,
            maximum=float(values.max()) if n else math.nan,
            mean=mean,
            std=math.sqrt(variance) if n else math.nan,
            zeros=int(counts[used & (numbers == 0)].sum()),
            nans=int(counts[np.isnan(numbers)].sum()),
            infinite=int(counts[np.isinf(numbers)].sum()),
            subnormal=int(counts[used & (numbers != 0) & (np.abs(numbers) < tiny)].sum()),
            n_low=int(counts[used & (numbers == least)].sum()),
            n_high=int(counts[used & (numbers == greatest)].sum()),
            quantiles=_quantiles(values, weights),
            bins=_as_bins(values, weights),
        )


class _Wide(_Total):
    """Wider types: exact extremes and moments, a histogram by leading bits."""

    def __init__(self, dtype: np.dtype) -> None:
        super().__init__(dtype)
        self.n = self.zeros = self.nans = self.infinite = self.subnormal = 0
        self.low, self.high = math.inf, -math.inf
        self.mean = self.second = 0.0  # second: the sum of squared distances from the mean
        self.finite = 0

    def add(self, values: np.ndarray) -> None:
        values = np.ascontiguousarray(values)
        self.n += values.size
        single = values if values.dtype == np.float32 else values.astype(np.float32)
        keys = single.view(np.uint32) >> np.uint32(16)
        counts = np.bincount(keys, minlength=_BINS)
        if values.dtype.kind == "f" and (
            counts[_EXPONENT:0x8000].any() or counts[0x8000 | _EXPONENT :].any()
        ):
            self.nans += int(np.isnan(values).sum())
            self.infinite += int(np.isinf(values).sum())
            values = values[np.isfinite(values)]
        if counts[:0x80].any() or counts[0x8000:0x8080].any():
            zeros = int((values == 0).sum())
            self.zeros += zeros
            if values.dtype == np.float32:
                self.subnormal += int(counts[:0x80].sum() + counts[0x8000:0x8080].sum()) - zeros
        self.counts += counts
        if values.size:
            self.low, self.high = (
                min(self.low, float(values.min())),
                max(self.high, float(values.max())),
            )
            self._moments(values)

    def _moments(self, values: np.ndarray) -> None:
        n = values.size
        mean, second = _moments(values)
        apart = mean - self.mean
        both = self.finite + n
        self.second += second + apart * apart * self.finite * n / both
        self.mean += apart * n / both
        self.finite = both

    def stats(self) -> Stats:
        values, order = _leading()
        counts = self.counts[order]
        used = counts > 0
        values, counts = np.clip(values[used], self.low, self.high), counts[used]
        some = self.finite > 0
        return Stats(
            n=self.n,
            minimum=self.low if some else math.nan,
            maximum=self.high if some else math.nan,
            mean=self.mean if some else math.nan,
            std=math.sqrt(max(0.0, self.second) / self.finite) if some else math.nan,
            zeros=self.zeros,
            nans=self.nans,
            infinite=self.infinite,
            subnormal=self.subnormal,
            n_low=0,
            n_high=0,
            quantiles=_quantiles(values, counts),
            bins=_as_bins(values, counts),
        )


def _moments(values: np.ndarray) -> tuple[float, float]:
    """Mean and sum of squared distances from it; float32 is summed in blocks, the blocks in
    float64.
    """
    if values.dtype == np.float32:
        cut = values.size // _BLOCK * _BLOCK
        blocks, rest = values[:cut].reshape(-1, _BLOCK), values[cut:].astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            sums = blocks.sum(axis=1).astype(np.float64)
            squares = np.einsum("ij,ij->i", blocks, blocks).astype(np.float64)
        total = float(sums.sum() + rest.sum())
        square = float(squares.sum() + rest @ rest)
        mean = total / values.size
        # else too much would cancel
        if math.isfinite(square) and square > 4 * values.size * mean * mean:
            return mean, square - values.size * mean * mean
    wide = values.astype(np.float64)
    mean = float(wide.mean())
    wide -= mean
    return mean, float(wide @ wide)


def _numbers(values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        found: np.ndarray = values.astype(np.float64)
        return found


def _smallest_normal(dtype: np.dtype) -> float:
    if dtype.kind in "iu":
        return 0.0
    try:
        return float(np.finfo(dtype).smallest_normal)
    except ValueError:  # a type of ml_dtypes'
        import ml_dtypes

        return float(ml_dtypes.finfo(dtype).smallest_normal)  # type: ignore[no-untyped-call]


@cache
def _leading() -> tuple[np.ndarray, np.ndarray]:
    """The middle of each bin of finite float32, in rising order, and the bins in that order."""
    keys = np.arange(_BINS, dtype=np.uint32)
    finite = keys[(keys & _EXPONENT) != _EXPONENT]
    middle = (
        np.where((finite & 0x7FFF) == 0, finite << 16, (finite << 16) | 0x8000)
        .astype(np.uint32)
        .view(np.float32)
        .astype(np.float64)
    )
    order = np.argsort(middle, kind="stable")
    return middle[order], finite[order]


def _quantiles(values: np.ndarray, counts: np.ndarray) -> tuple[float, ...]:
    total = int(counts.sum())
    if not total:
        return (math.nan,) * len(QUANTILES)
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(counts[order])
    places = [int(np.searchsorted(reached, q * (total - 1), side="right")) for q in QUANTILES]
    return tuple(float(values[order][min(place, len(order) - 1)]) for place in places)


def _as_bins(values: np.ndarray, counts: np.ndarray, n: int = 64) -> tuple[tuple[float, int], ...]:
    """``n`` bins of equal width from the least number to the greatest: left edge, count."""
    if not len(values):
        return ()
    low, high = float(values.min()), float(values.max())
    if low == high:
        return ((low, int(counts.sum())),)
    held, edges = np.histogram(values, bins=n, range=(low, high), weights=counts)
    return tuple((float(edge), int(count)) for edge, count in zip(edges, held, strict=False))


def zero_lines(values: np.ndarray) -> Iterator[tuple[int, int]]:
    """``(axis, lines)`` for the first two axes of an array of which some lines are zero throughout,
    and not all.
    """
    for axis in range(min(2, values.ndim)):
        others = tuple(a for a in range(values.ndim) if a != axis)
        empty = ~values.any(axis=others)
        if empty.any() and not empty.all():
            yield axis, int(empty.sum())
