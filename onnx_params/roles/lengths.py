"""Recognize lengths of stored vectors, which the exporter computed: what a weight is divided by,
and what distances to the entries of a codebook add.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from onnx_params.containers.onnx.graph import Use
from onnx_params.idioms.torchscript import is_unnamed, real_name
from onnx_params.roles.context import Context, Subject, behind, describe
from onnx_params.roles.role import Classification, Role, RuleId
from onnx_params.tensors.small import first_numbers
from onnx_params.tensors.steps import Shape
from onnx_params.tensors.stored import StoredTensor

MAX_BETWEEN: Final = 4  # operators between a length and the division, or the product beside it
MAX_READ: Final = 1 << 18  # elements of a codebook
N_COMPARED: Final = 8  # lengths
CLOSE: Final = 1e-3  # relative; half precision has that
TO_DIVISION: Final = frozenset({"Clip", "Max", "Add", "Sqrt", "Expand", "Cast"})
_BY: Final = ("Div", 1)
_SUMS: Final = frozenset({"Add", "Sub"})
_PRODUCTS: Final = frozenset({"MatMul", "Gemm", "Einsum"})
_TO_PRODUCT: Final = frozenset({"Mul", "Neg", "Transpose", "Cast", "Reshape"})


def length_of_a_weight(context: Context, subject: Subject, use: Use) -> Classification | None:
    """What a stored tensor is divided by, as many numbers as it has rows: the exporter computed
    their lengths.
    """
    tensor = subject.tensor
    if real_name(tensor.name) is not None or min(tensor.shape, default=0) != 1:
        return None
    for after in _until_division(context, use):
        assert after.node is not None
        divided = context.stored(after.graph, after.node.inputs[0])
        if divided is not None and _has_axes_summed(divided.shape, tensor.shape):
            because = f"{describe(use)}: '{divided.name}' is divided by it, its own lengths"
            return Classification(Role.CONSTANT, RuleId.LENGTHS, because)
    return None


def _until_division(context: Context, use: Use) -> list[Use]:
    """The divisions by a value, behind a least number and an expansion."""
    todo, found = [use], []
    for _ in range(MAX_BETWEEN):
        found += [at for at in todo if at.node is not None and (at.node.op_type, at.slot) == _BY]
        todo = [
            after
            for at in todo
            if at.node is not None and at.node.op_type in TO_DIVISION and at.slot == 0
            for after in context.followers(at)
        ]
    return found


def _has_axes_summed(shape: Shape, reduced: Shape) -> bool:
    """Whether ``reduced`` is ``shape`` with one of its axes, or more, summed up to one."""
    pairs = zip(shape, reduced, strict=False)
    return len(shape) == len(reduced) and all(small in (1, dim) for dim, small in pairs)


def squared_lengths(context: Context, subject: Subject, use: Use) -> Classification | None:
    """The squared lengths of a codebook's entries, where the distances to them are computed as
    ``|x|^2 - 2 x e + |e|^2``.
    """
    tensor = subject.tensor
    is_vector = max(tensor.shape, default=0) == tensor.count
    if not is_vector or not is_unnamed(tensor.name):
        return None
    for book in _codebooks(context, use):
        if _are_lengths(tensor, book):
            because = f"{describe(use)}: the squared lengths of what '{book.name}' has"
            return Classification(Role.CONSTANT, RuleId.LENGTHS, because)
    return None


def _codebooks(context: Context, use: Use) -> Iterator[StoredTensor]:
    """The stored matrices in the products that are added to what a use computes."""
    todo = [use]
    for _ in range(MAX_BETWEEN):
        sums = [at for at in todo if at.node is not None and at.node.op_type in _SUMS]
        for at in sums:
            assert at.node is not None
            for name in at.node.inputs:
                product = behind(context.computed_by, at.graph, name, _TO_PRODUCT, MAX_BETWEEN)
                if product is None or product.op_type not in _PRODUCTS:
                    continue
                factors = [context.stored(at.graph, each) for each in product.inputs[:2]]
                yield from (each for each in factors if each is not None)
        todo = [after for at in sums for after in context.followers(at)]


def _are_lengths(tensor: StoredTensor, book: StoredTensor) -> bool:
    """Whether numbers are the squared lengths of the rows, or columns, of a matrix. Reads both."""
    if len(book.shape) != 2 or book.count > MAX_READ or tensor.count not in book.shape:
        return False
    n_found = min(tensor.count, N_COMPARED)
    lengths, numbers = first_numbers(tensor, n_found), first_numbers(book, book.count)
    rows, width = book.shape
    if not lengths or not numbers:
        return False
    of_rows = [numbers[at * width : (at + 1) * width] for at in range(min(rows, n_found))]
    of_columns = [numbers[at::width] for at in range(min(width, n_found))]
    return any(
        len(vectors) == n_found
        and all(
            abs(sum(number * number for number in vector) - length) <= CLOSE * length
            for vector, length in zip(vectors, lengths, strict=True)
        )
        for vectors in (of_rows, of_columns)
    )
