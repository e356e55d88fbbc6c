"""Find parameters that lie in an artifact twice: behind an Identity, or in a transposed copy.

An Identity is not a proof of a tie: torch's TorchScript exporter stores equal tensors once and puts
an Identity before the others, also where two norms merely happen to be all ones. Content decides:
numbers that are all the same may be two parameters, others are one. A transposed copy is found by a
few elements at fixed places of both, and proved by comparing all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.logical import logical
from onnx_params.errors import OnnxParamsError
from onnx_params.idioms.naming import without_number
from onnx_params.idioms.onnxruntime import name_before
from onnx_params.idioms.torchscript import LIFTED, real_name
from onnx_params.matching.probes import FIRST_PROBES, read_probe
from onnx_params.tensors.encoding import IN_PLACE
from onnx_params.tensors.small import first_numbers
from onnx_params.tensors.steps import Dequantize, Key, Steps, dequantizes, without_ones
from onnx_params.tensors.stored import StoredTensor

MAX_END: Final = 64  # bytes of a payload that are compared before all are
MIN_COUNT: Final = 64  # elements below which equal content proves nothing
ROUND: Final = 3  # decimal places of numbers that somebody wrote down

_Parts = list[StoredTensor]  # a stored tensor, its scales and its zero points


class Twin(NamedTuple):
    """A name under which a parameter occurs once more; ``same`` says whether it is the same
    parameter.
    """

    name: str
    same: bool


def behind_identities(
    model: Model, tensor: StoredTensor, is_name: Callable[[str], bool]
) -> list[Twin]:
    """The outputs of Identity nodes on a stored tensor that bear names of their own.

    Reads a few values.
    """
    names = [
        use.node.outputs[0]
        for use in model.def_use.uses(tensor.key)
        if use.node is not None
        and use.node.op_type == "Identity"
        and not use.node.domain
        and use.node.outputs
        and is_name(use.node.outputs[0])
    ]
    if not names:
        return []
    same = len(set(read_probe(tensor, False) or [b"0", b"1"])) > 1
    return [Twin(name, same) for name in names]


def transposed(tensors: Iterable[StoredTensor]) -> dict[Key, Key]:
    """Key of each matrix that is a transposed copy of one before it -> the key of that one.

    Reads values of candidates.
    """
    found: dict[Key, Key] = {}
    for group in _alike(tensors):
        found.update(_transposed_in(group))
    return found


def reshaped(tensors: Iterable[StoredTensor]) -> dict[Key, Key]:
    """Key of each tensor that has the elements of one before it, in order, in another shape or
    under a name with another number at its end -> the key of that one. Reads values of candidates.
    """
    groups: dict[tuple[str, int], list[StoredTensor]] = {}
    for tensor in tensors:
        if tensor.count > 1 and tensor.encoding in IN_PLACE and tensor.dtype.bits >= 8:
            groups.setdefault((tensor.dtype.name, tensor.count), []).append(tensor)
    found: dict[Key, Key] = {}
    for (_, count), group in groups.items():
        if count < MIN_COUNT and not any(_is_lifted(tensor) for tensor in group):
            continue
        n_stems = len({_stem(tensor) for tensor in group})
        n_named = sum(real_name(tensor.name) is not None for tensor in group)
        may_be_copies = n_stems < len(group) or n_named < len(group)
        if may_be_copies or len({tensor.shape for tensor in group}) > 1:
            found.update(_reshaped_in(group))
    return found


def with_bytes_of(model: Model, tensors: Iterable[StoredTensor]) -> dict[Key, Key]:
    """Key of each quantized tensor that has the codes, the scales and the zero points of one before
    it -> the key of that one: what a graph has again which runs a layer several times. Reads those.
    """
    groups: dict[tuple[str, tuple[int, ...]], list[StoredTensor]] = {}
    for tensor in tensors:
        if tensor.count >= MIN_COUNT and dequantizes(logical(model, tensor).steps or ()):
            groups.setdefault((tensor.dtype.name, tensor.shape), []).append(tensor)
    found: dict[Key, Key] = {}
    for group in groups.values():
        by_ends: dict[tuple[bytes, ...], list[_Parts]] = {}
        for tensor in group if len(group) > 1 else ():
            parts = with_scales(model, tensor, logical(model, tensor).steps or ())
            before = by_ends.setdefault(tuple(map(_ends, parts)), [])
            first = next((each for each in before if _are_equal(each, parts)), None)
            if first is not None:
                found[tensor.key] = first[0].key
            elif len(set(_ends(tensor))) > 1:
                before.append(parts)
    return found


def _is_lifted(tensor: StoredTensor) -> bool:
    """Whether TorchScript's exporter computed a tensor of one that a module has."""
    return tensor.name.startswith(LIFTED)


def _may_be_laid_out(first: StoredTensor, second: StoredTensor) -> bool:
    """Whether one of two tensors of few elements is what the exporter gave axes of one, for a
    second use; so few numbers are no chance there unless they are round.
    """
    if _is_lifted(first) is _is_lifted(second):
        return False
    if without_ones(first.shape) != without_ones(second.shape):
        return False
    numbers = first_numbers(first, first.count)
    return not all(number == round(number, ROUND) for number in numbers)


def _are_equal(one: _Parts, other: _Parts) -> bool:
    """Whether all parts have the same numbers. Reads them."""
    if len(one) != len(other):
        return False
    try:
        import numpy as np

        pairs = zip(one, other, strict=True)
        return all(bool(np.array_equal(a.read(), b.read())) for a, b in pairs)
    except (ImportError, OnnxParamsError):
        return False


def with_scales(model: Model, tensor: StoredTensor, steps: Steps) -> _Parts:
    """A stored tensor, and the scales and zero points with which steps dequantize it."""
    keys = [tensor.key]
    for step in steps:
        if isinstance(step, Dequantize):
            keys += [key for key in (step.scale, step.zero, step.second) if key is not None]
    return [model.stored[key] for key in keys]


def _stem(tensor: StoredTensor) -> str:
    """A name without what a quantizer appended, and without the number before that."""
    return without_number(name_before(tensor.name))


def _are_numbered(first: StoredTensor, second: StoredTensor) -> bool:
    """Whether two names are one but for numbers, or no module gave one of them: modules may have
    equal weights of their own, and what an exporter or an optimizer computed once more was one.
    """
    if _stem(first) == _stem(second):
        return True
    return real_name(first.name) is None or real_name(second.name) is None


def _reshaped_in(group: Sequence[StoredTensor]) -> Iterator[tuple[Key, Key]]:
    """The keys of each tensor with the elements of one before it of another shape, and of that
    one.
    """
    by_ends: dict[bytes, list[StoredTensor]] = {}
    for tensor in group:
        ends = _ends(tensor)
        before = by_ends.get(ends, ()) if _has_several(ends, tensor) else ()
        first = next((each for each in before if _is_reshaped(each, tensor)), None)
        if first is not None:
            yield tensor.key, first.key
        else:
            by_ends.setdefault(ends, []).append(tensor)


def _has_several(ends: bytes, tensor: StoredTensor) -> bool:
    """Whether the ends of a payload have different elements."""
    width = max(1, tensor.dtype.bits // 8)
    return len({ends[at : at + width] for at in range(0, len(ends), width)}) > 1


def _ends(tensor: StoredTensor) -> bytes:
    """The first and the last bytes of a payload; none where it is not there."""
    try:
        external = tensor.external
        if external is not None:
            source, (start, stop) = external.file.open(), tensor.external_span
        else:
            source, (start, stop) = tensor.source, tensor.spans[0]
        length = min(MAX_END, stop - start)
        return source.read(start, length) + source.read(stop - length, length)
    except (OnnxParamsError, IndexError):
        return b""


def _is_reshaped(first: StoredTensor, second: StoredTensor) -> bool:
    if first.shape == second.shape and not _are_numbered(first, second):
        return False
    if first.count < MIN_COUNT and not _may_be_laid_out(first, second):
        return False
    try:
        import numpy as np

        return bool(np.array_equal(first.read().reshape(-1), second.read().reshape(-1)))
    except (ImportError, OnnxParamsError):
        return False


def _alike(tensors: Iterable[StoredTensor]) -> Iterator[list[StoredTensor]]:
    """Groups of matrices of which one may be another one transposed, by type and dimensions; axes
    of one do not count.
    """
    groups: dict[tuple[str, tuple[int, ...]], list[StoredTensor]] = {}
    for stored in tensors:
        tensor = stored._replace(shape=without_ones(stored.shape))
        if (
            len(tensor.shape) == 2
            and tensor.count >= MIN_COUNT
            and tensor.encoding in IN_PLACE
            and tensor.dtype.bits >= 8
        ):
            groups.setdefault((tensor.dtype.name, tuple(sorted(tensor.shape))), []).append(tensor)
    for (_, dims), group in groups.items():
        is_square = dims[0] == dims[1]
        if len(group) > 1 and (is_square or len({tensor.shape for tensor in group}) > 1):
            yield group


def _transposed_in(group: Sequence[StoredTensor]) -> Iterator[tuple[Key, Key]]:
    """The keys of each matrix that is a transposed copy of one before it, and of that one."""
    by_probe: dict[tuple[bytes, ...], list[StoredTensor]] = {}
    for tensor in group:
        turned = read_probe(tensor, True, FIRST_PROBES)
        before = by_probe.get(tuple(turned), ()) if turned else ()
        first = next((each for each in before if _is_transposed_copy(each, tensor)), None)
        if first is not None:
            yield tensor.key, first.key
            continue
        straight = read_probe(tensor, False, FIRST_PROBES)
        if straight:
            by_probe.setdefault(tuple(straight), []).append(tensor)


def _is_transposed_copy(first: StoredTensor, second: StoredTensor) -> bool:
    return (
        first.shape == second.shape[::-1]
        and _may_be_transposed(first, second)
        and _is_transposed(first, second)
    )


def _may_be_transposed(first: StoredTensor, second: StoredTensor) -> bool:
    turned = read_probe(second, True)
    return turned is not None and len(set(turned)) > 1 and turned == read_probe(first, False)


def _is_transposed(first: StoredTensor, second: StoredTensor) -> bool:
    try:
        import numpy as np

        return bool(np.array_equal(first.read().T, second.read()))
    except (ImportError, OnnxParamsError):
        return False
