"""Recognize sines and cosines of positions, from their first rows, without NumPy.

Source: Vaswani et al., "Attention Is All You Need", 3.5; rows of a grid count along its last axis.
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Sequence
from typing import Final

from onnx_params.tensors.encoding import Encoding
from onnx_params.tensors.small import first_codes, first_numbers
from onnx_params.tensors.stored import StoredTensor

N_ROWS: Final = 4  # read: one for a class token, which has zeros, and three
N_ROWS_WITH_PADDING: Final = 6  # one for position 0, one of zeros for what is padded, and four
N_POWERS: Final = 16  # read
N_SAMPLES: Final = 6  # of a function, below which it may be chance
MAX_COUNTED: Final = 1 << 16  # elements that are read to see whether they count
N_NUMBERS: Final = 1 << 12  # of a table that are read
MIN_WIDTH: Final = 8  # numbers in a row, below which its zeros and ones may be chance
CLOSE: Final = 2e-3  # of the amplitude; half precision has that
CLOSE_OF_BYTES: Final = 1.6e-2  # of numbers of 8 bits: in bfloat16, or for which codes stand
MAX_AMPLITUDE: Final = 1e6


def has_waves(tensor: StoredTensor) -> bool:
    """Whether the first rows ``[..., n, width]`` are sines and cosines of 0, 1 and 2 times some
    frequencies, in any order; before them may be rows of zeros, or second one. Reads them.
    """
    if len(tensor.shape) < 2:
        return False
    n, width = tensor.shape[-2:]
    if n < N_ROWS or width < MIN_WIDTH or width % 2:
        return False
    numbers: Sequence[float] = first_numbers(tensor, min(n, N_ROWS_WITH_PADDING) * width)
    if numbers and not any(numbers):  # words before the patches of a picture
        n_read = min(n, MAX_COUNTED // width)
        numbers = _without_zeros(first_numbers(tensor, n_read * width), width)
    rows = [tuple(numbers[at : at + width]) for at in range(0, len(numbers), width)]
    if len(rows) < N_ROWS:
        return False
    close = _room(tensor, numbers)
    if _are_waves(rows[:3], close) or (not any(rows[0]) and _are_waves(rows[1:4], close)):
        return True
    if _are_steady(rows[:N_ROWS], close):  # of whatever positions
        return True
    is_padded = len(rows) == N_ROWS_WITH_PADDING and any(rows[0]) and not any(rows[1])
    return is_padded and _are_steady(rows[2:], close)


def _without_zeros(numbers: Sequence[float], width: int) -> Sequence[float]:
    """The rows behind those of zeros, as many as are looked at."""
    first = next((at for at, number in enumerate(numbers) if number), len(numbers))
    start = first - first % width
    return numbers[start : start + N_ROWS_WITH_PADDING * width]


def begins_at_origin(tensor: StoredTensor) -> bool:
    """Whether the first row ``[..., width]`` has as many ones as zeros and nothing else, and no
    number is larger: cosines and sines of place 0, along however many axes. Of codes, the largest
    stands for one. Reads it.
    """
    width = tensor.shape[-1] if tensor.shape else 0
    if width < MIN_WIDTH or width % 2 or tensor.count < 2 * width:
        return False
    n = min(tensor.count, N_NUMBERS)
    numbers = first_numbers(tensor, n) if tensor.dtype.is_float else first_codes(tensor, n)
    first = numbers[:width]
    if len(set(first)) != 2 or first.count(max(first)) != width // 2:
        return False
    if tensor.dtype.is_float and set(first) != {0.0, 1.0}:
        return False
    return max(numbers) == max(first) and len(set(numbers)) > N_ROWS


def are_sampled_functions(tensor: StoredTensor) -> bool:
    """Whether the rows of a matrix, or its columns, are waves or straight lines at equal steps, or
    powers of such a line: what a signal is composed of. Reads it.
    """
    if len(tensor.shape) != 2:
        return False
    n, width = tensor.shape
    numbers = first_numbers(tensor, n * width)
    if not numbers or not all(map(math.isfinite, numbers)):
        return False
    rows = [numbers[start : start + width] for start in range(0, n * width, width)]
    close = _room(tensor, numbers)
    return any(_are_functions(lines, close) for lines in (rows, list(zip(*rows, strict=True))))


def _are_functions(lines: Sequence[tuple[float, ...]], close: float) -> bool:
    if len(lines) < 2 or len(lines[0]) < N_SAMPLES:
        return False
    n_turning = sum(max(line) - min(line) > close for line in lines)
    if 2 * n_turning < len(lines):
        return False
    if all(_is_steady(line, close) for line in lines):
        return True
    one = lines[0][0]
    if not one or any(abs(number - one) > close * abs(one) for number in lines[0]):
        return False
    scaled = [[number / one for number in line] for line in lines]
    return _is_progression(scaled[1], close) and _are_powers(scaled, close)


def _is_steady(line: Sequence[float], close: float) -> bool:
    return all(_is_wave(line[at : at + N_ROWS], close) for at in range(len(line) - N_ROWS + 1))


def _are_powers(lines: Sequence[Sequence[float]], close: float) -> bool:
    """Whether lines are the second of them to the power of 0, 1, 2 and so on."""
    expected = [1.0] * len(lines[1])
    for line in lines:
        pairs = zip(line, expected, strict=True)
        if any(abs(found - number) > close * max(1, abs(found)) for found, number in pairs):
            return False
        expected = [number * base for number, base in zip(expected, lines[1], strict=True)]
    return True


def has_angles(tensor: StoredTensor) -> bool:
    """Whether the first rows ``[n, width]`` are 0, 1, 2 and 3 times some different frequencies: the
    angles of positions. Reads them.
    """
    if len(tensor.shape) != 2 or tensor.shape[0] < N_ROWS or tensor.shape[1] < 2:
        return False
    width = tensor.shape[1]
    numbers = first_numbers(tensor, N_ROWS * width)
    rows = [numbers[start : start + width] for start in range(0, len(numbers), width)]
    if not rows or any(rows[0]) or len(set(rows[1])) < 2:
        return False
    close = _room(tensor, numbers)
    near = [close * abs(number) for number in rows[1]]
    return all(
        abs(found - times * number) <= room
        for times, row in enumerate(rows)
        for found, number, room in zip(row, rows[1], near, strict=True)
    )


def has_slopes(tensor: StoredTensor) -> bool:
    """Whether the first two rows ``[..., n]`` are arithmetic progressions: what attention takes off
    for the distance, a slope for each head. Reads them.

    Source: Press et al., "Train Short, Test Long".
    """
    dims = [dim for dim in tensor.shape if dim > 1]
    if len(dims) < 2 or dims[-1] < N_ROWS or tensor.shape[-1] != dims[-1]:
        return False
    n = dims[-1]
    numbers = first_numbers(tensor, 2 * n)
    rows = [numbers[:n], numbers[n:]] if numbers else []
    close = _room(tensor, numbers)
    return bool(rows) and all(_is_progression(row, close) for row in rows)


def are_in_order(tensor: StoredTensor) -> bool:
    """Whether the numbers of each line of an array rise, as the edges of bins do. Reads it."""
    width = tensor.shape[-1] if tensor.shape else 0
    if width < N_SAMPLES or tensor.count > N_NUMBERS:
        return False
    numbers = first_numbers(tensor, tensor.count)
    lines = [numbers[at : at + width] for at in range(0, len(numbers), width)]
    return bool(lines) and all(
        before < after for line in lines for before, after in itertools.pairwise(line)
    )


def are_powers(tensor: StoredTensor) -> bool:
    """Whether the elements are powers of the first one, 1, 2, 3 and so on; of a number of elements
    that is no power of two, those up to the power below. Reads the first of them.

    Source: Press et al., "Train Short, Test Long": a slope for each head.
    """
    is_vector = max(tensor.shape, default=0) == tensor.count
    n = min(1 << (tensor.count.bit_length() - 1), N_POWERS) if tensor.count else 0
    numbers = first_numbers(tensor, n) if is_vector and n > 1 else ()
    if not numbers or not 0 < abs(numbers[0]) < 1:
        return False
    if n < N_ROWS:  # of so few, powers of two alone are no chance
        are_of_two = all(map(_is_power_of_two, first_numbers(tensor, tensor.count)))
        return are_of_two and numbers[1] == numbers[0] ** 2
    base, sign = abs(numbers[0]), math.copysign(1, numbers[0])
    expected = (sign * base ** (at + 1) for at in range(n))
    return all(abs(a - b) <= CLOSE * abs(b) for a, b in zip(numbers, expected, strict=True))


def _is_power_of_two(number: float) -> bool:
    return 0 < abs(number) < 1 and abs(math.frexp(number)[0]) == 0.5


def are_decays(tensor: StoredTensor) -> bool:
    """Whether the elements are logarithms of one less powers of two, by which heads forget. Reads
    the first of them.

    Source: Sun et al., "Retentive Network", 3.1: ``1 - 2 ** (-5 - n)`` for head ``n``.
    """
    is_vector = max(tensor.shape, default=0) == tensor.count
    numbers = first_numbers(tensor, min(tensor.count, N_POWERS)) if is_vector else ()
    if len(numbers) < 2 or not all(-1 < number < 0 for number in numbers):
        return False
    rest = [-math.expm1(number) for number in numbers]
    nearest = [2.0 ** round(math.log2(number)) for number in rest]
    return len(set(nearest)) > 1 and all(
        abs(number - power) <= CLOSE * power for number, power in zip(rest, nearest, strict=True)
    )


def are_consecutive(tensor: StoredTensor) -> bool:
    """Whether the different numbers of a tensor are whole ones, three at least, each one more than
    the one before. Reads it, if it begins with whole numbers.
    """
    first = first_numbers(tensor, min(tensor.count, N_ROWS))
    if tensor.count < N_ROWS - 1 or not first or any(number % 1 for number in first):
        return False
    if tensor.count > MAX_COUNTED:
        return False
    numbers = sorted(set(first_numbers(tensor, tensor.count)))
    steps = [after - before for before, after in itertools.pairwise(numbers)]
    return len(steps) > 1 and set(steps) == {1.0}


def are_straight(tensor: StoredTensor) -> bool:
    """Whether the lines along an axis of an array have equal steps, as the knots of a grid, or the
    distances to them. Reads it.
    """
    if len(tensor.shape) < 2 or tensor.count > MAX_COUNTED:
        return False
    n, width = math.prod(tensor.shape[:-1]), tensor.shape[-1]
    if min(n, width) < 2:
        return False
    numbers = first_numbers(tensor, n * width)
    rows = [numbers[start : start + width] for start in range(0, len(numbers), width)]
    close = _room(tensor, numbers)
    return any(
        len(lines[0]) >= N_SAMPLES and all(_is_progression(line, close) for line in lines)
        for lines in (rows, list(zip(*rows, strict=True)))
        if lines
    )


def _is_progression(numbers: Sequence[float], close: float) -> bool:
    steps = [after - before for before, after in itertools.pairwise(numbers)]
    near = close * max(map(abs, numbers))
    return abs(steps[0]) > near and all(abs(step - steps[0]) <= near for step in steps)


def has_one_wave(tensor: StoredTensor) -> bool:
    """Whether the first rows ``[..., n, width]`` are sines, or cosines, of 0, 1 and 2 times some
    frequencies: half of a table of rotations. Reads them.
    """
    shape = tuple(itertools.dropwhile(lambda dim: dim == 1, tensor.shape))
    n, width = (shape[0], math.prod(shape[1:])) if len(shape) > 1 else (0, 0)
    numbers = first_numbers(tensor, 3 * width) if n >= N_ROWS and width >= 2 else ()
    if not numbers:
        return False
    first, second, third = (numbers[start : start + width] for start in range(0, 3 * width, width))
    close = _room(tensor, numbers)
    if any(abs(number) > 1 + close for number in second):
        return False
    if all(number == 1 for number in first):
        expected = [2 * cosine * cosine - 1 for cosine in second]
        return _are_close(third, expected, close) and not _are_close(first, second, close)
    if any(first):
        return False
    squares = [4 * sine * sine * (1 - sine * sine) for sine in second]
    are_doubled = _are_close([sine * sine for sine in third], squares, close)
    return are_doubled and not _are_close(first, second, close)


def _are_steady(rows: Sequence[tuple[float, ...]], close: float) -> bool:
    """Whether each column of four rows is a wave: ``x[n-1] + x[n+1]`` is the same multiple of
    ``x[n]`` at both places, twice the cosine of its frequency.
    """
    columns = list(zip(*rows, strict=True))
    n_turning = sum(max(column) - min(column) > close for column in columns)
    return 2 * n_turning >= len(columns) and all(_is_wave(column, close) for column in columns)


def _is_wave(column: Sequence[float], close: float) -> bool:
    one, two, three, four = column
    amplitude = max(map(abs, column))
    room = close * amplitude
    is_bounded = abs(one + three) <= 2 * abs(two) + room
    is_same = abs((one + three) * three - (two + four) * two) <= room * amplitude
    return is_bounded and is_same


def _room(tensor: StoredTensor, numbers: Sequence[float]) -> float:
    """How far numbers of a tensor may be from what they stand for, of the amplitude."""
    if tensor.encoding is Encoding.DECODED:
        return CLOSE_OF_BYTES
    if not all(abs(number) <= MAX_AMPLITUDE for number in numbers):
        return CLOSE
    data = struct.pack(f"<{len(numbers)}f", *numbers)
    was_cast = not any(data[::4]) and not any(data[1::4])  # bfloat16 is the upper half of float32
    return CLOSE_OF_BYTES if was_cast else CLOSE


def _are_close(one: Sequence[float], other: Sequence[float], close: float) -> bool:
    return all(abs(left - right) <= close for left, right in zip(one, other, strict=True))


def _are_waves(rows: list[tuple[float, ...]], close: float) -> bool:
    """Whether three rows are those of 0, 1 and 2: a sine for each zero of the first row, a cosine
    for each other number in it, which are the amplitude.
    """
    first, second, third = rows
    sines = [at for at, number in enumerate(first) if not number]
    cosines = [at for at, number in enumerate(first) if number]
    amplitude = max(first)
    if len(sines) != len(cosines) or amplitude <= 0:
        return False
    near = close * amplitude
    if any(abs(first[at] - amplitude) > near for at in cosines):
        return False
    turned = False
    for at_sine, at_cosine in zip(sines, cosines, strict=True):
        sine, cosine = second[at_sine] / amplitude, second[at_cosine] / amplitude
        turned = turned or abs(sine) > close
        expected = (
            (math.hypot(sine, cosine), 1.0),
            (third[at_sine] / amplitude, 2 * sine * cosine),
            (third[at_cosine] / amplitude, 1 - 2 * sine * sine),
        )
        if any(abs(found - wanted) > close for found, wanted in expected):
            return False
    return turned
