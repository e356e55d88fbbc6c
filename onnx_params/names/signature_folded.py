"""Say what a parameter was of which the exporter computed a constant: by the operators on the way,
as FX calls their results, or by the slot that takes the constant.

FX calls its values after their operators: ``exp``, ``neg``, ``unsqueeze_4``. Values that the
exporter made up in between, ``val_7``, are taken for constants that those operators needed. The
shapes that come of it are inferred, but for what a norm takes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Final

from onnx_params.dataflow.consumers import as_torch, consumers
from onnx_params.dataflow.view import View
from onnx_params.idioms.call_sites import Site
from onnx_params.idioms.torch_dynamo import (
    KEEPS_ELEMENTS,
    KEEPS_SHAPE,
    LAYS_OUT,
    REPEATS,
    TURNS,
    VECTOR_NORMS,
)
from onnx_params.idioms.torch_modules import weight_norm_shape
from onnx_params.idioms.torchscript import is_made_up
from onnx_params.names.claim import Claim
from onnx_params.names.folded_value import Folded, values_of
from onnx_params.names.lookups import table_shape
from onnx_params.names.placement import locate
from onnx_params.names.signature_parts import by_parts, by_states
from onnx_params.names.signature_table import SIGNATURE, Table, without
from onnx_params.tensors.small import distinct_lines
from onnx_params.tensors.steps import Permute, Reshape, Shape, shape_after

# leaves of what a weight is computed from, that have its shape. Sources: torch.nn.utils,
# spectral_norm and parametrize; timm, ``layers/std_conv.py``
_MAIN_LEAVES: Final = frozenset({"weight", "weight_orig", "original", "original1", "weight_v"})
# what codes are multiplied by, and moved by. Sources: NNCF, ``torch/quantization``; torchao
_SCALING: Final = re.compile(r"[._]_?(scales?|zero_points?|zeros|absmax)$")
# the module of a weight's originals, and of what the parametrization registers. Source:
# torch.nn.utils.parametrize, ParametrizationList
_PARAMETRIZATION: Final = re.compile(r"\.parametrizations\.weight(\.\d+)?$")
N_AXES_OF_MATRICES: Final = 3  # one behind the other
_KEEPS_AXES: Final = frozenset({"clone", "alias", "detach", "contiguous", "_to_copy", "to"})
_LOOKUPS: Final = frozenset({"index", "_unsafe_index", "gather", "embedding"})
# what makes places of a range: those after what was seen before, the first of a list, for a batch
_OF_RANGES: Final = frozenset({"arange", "add", "slice", "expand"})
_INDICES: Final = re.compile(r"(^|[._])(index|indices|idx|ids)$")
_PADS: Final = frozenset({"pad", "constant_pad_nd"})
_GAINS: Final = frozenset({"gain", "weight_g", "original0", "g"})  # a number for each output


def by_computation(table: Table, name: str, sites: list[Site]) -> Claim | None:
    """The claim on a parameter that a constant was computed from."""
    values = values_of(table, name, sites)
    state = by_states(values)
    if state is not None:
        return state
    for folded in values:
        for answer in _ANSWERS:
            claim = answer(folded)
            if claim is not None:
                return claim
    if not values:
        return None
    claim = by_parts(values)
    if claim is not None:
        return claim
    because = f"'{values[0].value}' was computed from it"
    return without(name, None, View.SLICED, because, values[0].location.tensor)


def _of_a_norm(folded: Folded) -> Claim | None:
    is_vector = any(
        site.call.target in VECTOR_NORMS and site.role in ("weight", "bias")
        for site in folded.sites
    )
    if not is_vector or not all(map(is_made_up, folded.sources)):
        return None
    because = f"'{folded.value}' was folded from it; a norm takes a number for each channel"
    # else constants had a part in it: axes to unsqueeze, if they are what they seem
    is_sure = not folded.sources
    tensor = folded.location.tensor
    return locate(folded.table.model, tensor, Reshape((tensor.count,))).claim(
        folded.name, SIGNATURE, because, certain=is_sure, view=View.RESHAPED
    )


def _by_weight_norm(folded: Folded) -> Claim | None:
    weight = as_weight(folded) or folded.location.shape
    shape = weight_norm_shape(folded.name, list(folded.sources), weight)
    if shape is None:
        return None
    because = (
        f"'{folded.value}' was computed from it as torch's weight_norm does, over its default"
        " dimension"
    )
    return folded.without(shape, View.FOLDED, because)


def _with_its_shape(folded: Folded) -> Claim | None:
    """Operators that keep shapes, or add ones."""
    operators = folded.operators
    is_alone = not folded.others or _is_masked(folded)
    if not is_alone or any(operator not in KEEPS_SHAPE for operator in operators):
        return None
    n_ones = operators.count("unsqueeze") - operators.count("squeeze")
    whole = folded.location.shape
    # the record may leave an expansion out; one number throughout is what a module may begin with
    if not REPEATS.isdisjoint(operators) or math.prod(folded.unrepeated) > 1:
        whole = folded.unrepeated
    shape = _without_ones(whole, n_ones)
    if shape is None:
        return None
    because = (
        f"'{folded.value}' was computed from it by operators that keep shapes, if they are what"
        " they are called"
    )
    return folded.without(shape, View.FOLDED, because)


def _is_masked(folded: Folded) -> bool:
    """Whether a weight was computed with buffers registered for it alone: a mask."""
    kinds = folded.table.metadata.kinds
    owner = _module_of(folded.name)
    return folded.name.rpartition(".")[2] in _MAIN_LEAVES and all(
        kinds[each] == "BUFFER" and each.startswith(owner) for each in folded.others
    )


def _without_ones(shape: Shape, n_ones: int) -> Shape | None:
    """A shape without its first ones."""
    if n_ones < 0 or shape.count(1) < n_ones:
        return None
    found = list(shape)
    for _ in range(n_ones):
        found.remove(1)
    return tuple(found)


def _viewed_vector(folded: Folded) -> Claim | None:
    """A vector that was given further axes: its elements in order, or numbers computed of each."""
    shape = folded.location.shape
    operators = set(folded.operators)
    is_viewed = not operators.isdisjoint(("view", "reshape"))
    if folded.others or not is_viewed or sum(dim != 1 for dim in shape) != 1:
        return None
    flat = Reshape((math.prod(shape),))
    if not operators <= KEEPS_ELEMENTS:
        because = f"'{folded.value}' was computed of each of its elements, and is a view"
        return folded.without(flat.shape, View.FOLDED, because) if _is_each(operators) else None
    because = f"'{folded.value}' is a view of it, if the operators are what they are called"
    return locate(folded.table.model, folded.location.tensor, flat).claim(
        folded.name, SIGNATURE, because, certain=False, view=View.RESHAPED
    )


def _is_each(operators: set[str]) -> bool:
    """Whether the operators compute a number of each element."""
    return operators <= KEEPS_ELEMENTS | KEEPS_SHAPE


def _turned(folded: Folded) -> Claim | None:
    """Its elements in another order, or numbers computed of each: the shape of the constant, which
    may be another view.
    """
    operators = set(folded.operators)
    if folded.others or not operators or not operators <= TURNS | KEEPS_ELEMENTS | KEEPS_SHAPE:
        return None
    shape = folded.unrepeated if operators & REPEATS else folded.location.shape
    because = (
        f"'{folded.value}' was computed of each of its elements, if the operators are what they are"
        " called; its axes may have been others"
    )
    return folded.without(shape, View.FOLDED, because)


def _matrices_turned(folded: Folded) -> Claim | None:
    """Matrices one behind the other, as those of experts, whose only operator turns two axes: the
    last two most likely, for products take them so.
    """
    shape = folded.location.shape
    operators = [each for each in folded.operators if each not in _KEEPS_AXES]
    if folded.others or operators != ["transpose"] or len(shape) != N_AXES_OF_MATRICES:
        return None
    because = (
        f"'{folded.value}' was computed of each of its elements, if its last two axes were turned"
    )
    return folded.without(shape_after(shape, (Permute((0, 2, 1)),)), View.FOLDED, because)


def _bias_of_linear(folded: Folded) -> Claim | None:
    """A bias beside a weight, of a product that was computed: a number for each output."""
    is_bias = folded.name.rpartition(".")[2] == "bias"
    if not is_bias or folded.operators[:1] != ["linear"] or folded.operators.count("linear") > 1:
        return None
    because = f"'{folded.value}' is the result of the product that it was added to"
    return folded.without(folded.location.shape[-1:], View.FOLDED, because)


def _looked_up(folded: Folded) -> Claim | None:
    """A table whose rows were looked up by all positions, which a buffer or a range lists."""
    shape = folded.location.shape
    kinds = folded.table.metadata.kinds
    others = set(folded.operators) - {"embedding", *KEEPS_ELEMENTS}
    by_buffer = len(folded.others) == 1 and not others and kinds[folded.others[0]] == "BUFFER"
    by_range = not folded.others and "arange" in others
    if folded.operators.count("embedding") != 1 or not (by_buffer or by_range):
        return None
    if not others <= _OF_RANGES or len(shape) < 2 or any(dim != 1 for dim in shape[:-2]):
        return None
    # a row that is there again was listed more than once
    n_rows = distinct_lines(folded.location.tensor, len(shape) - 1) if by_buffer else None
    if n_rows not in (None, shape[-2]):
        return None
    listed = f"'{folded.others[0]}'" if by_buffer else "a range"
    because = f"'{folded.value}' was looked up in it by {listed}, if that lists all positions"
    if by_range:  # it may have more rows than the input is long
        return folded.without(shape[-2:], View.SLICED, because)
    return locate(folded.table.model, folded.location.tensor, Reshape(shape[-2:])).claim(
        folded.name, SIGNATURE, because, certain=False, view=View.RESHAPED
    )


def _by_different_rows(folded: Folded) -> Claim | None:
    """A table of which rows were looked up again and again, such as biases of relative positions:
    as many rows as there are different ones.
    """
    is_alone = all(folded.table.metadata.kinds[each] != "PARAMETER" for each in folded.others)
    is_looked_up = not _LOOKUPS.isdisjoint(folded.operators) or _is_by_indices(folded)
    if not is_alone or not is_looked_up:
        return None
    is_turned = not TURNS.isdisjoint(folded.operators)
    shape = table_shape(folded.location.tensor, has_rows_first=is_turned)
    if shape is None:
        return None
    because = f"'{folded.value}' has so many different rows, looked up in it"
    if is_turned and not _PADS.isdisjoint(folded.operators):
        shape = (shape[0] - 1, *shape[1:])
        because += ", but for one of zeros around them"
    return folded.without(shape, View.FOLDED, because)


def _is_by_indices(folded: Folded) -> bool:
    """Whether a buffer of indices had a share in a constant, and all other operators lay elements
    out: the record may leave the lookup out.
    """
    are_indices = [_INDICES.search(each) is not None for each in folded.others]
    return any(are_indices) and all(are_indices) and set(folded.operators) <= LAYS_OUT


def _by_spectral_norm(folded: Folded) -> Claim | None:
    """A weight divided by its spectral norm, whatever takes it: it has the shape of the result."""
    owner, _, leaf = folded.name.rpartition(".")
    vectors = {f"{owner}.{leaf.removesuffix('_orig')}{word}" for word in ("_u", "_v")}
    if leaf != "weight_orig" or not folded.others or not vectors.issuperset(folded.others):
        return None
    because = f"'{folded.value}' was computed from it as torch's spectral_norm does"
    shape = as_weight(folded) or folded.location.shape
    return folded.without(shape, View.FOLDED, because)


def _in_weight_slot(folded: Folded) -> Claim | None:
    """A weight that was computed in its own module, or of codes with scales that hang elsewhere: it
    has the shape that its operator takes.
    """
    own = _module_of(folded.name)
    if any(_module_of(each) != own and not _SCALING.search(each) for each in folded.others):
        return None
    shape = as_weight(folded)
    if shape is None:
        return None
    leaf = folded.name.rpartition(".")[2]
    because = f"'{folded.value}' was computed from it, the weight of a product"
    if leaf in _MAIN_LEAVES:
        return folded.without(shape, View.FOLDED, f"{because}, which has its shape")
    if leaf in _GAINS:
        ones = (1,) * (len(shape) - 1)
        return folded.without(
            (shape[0], *ones), View.FOLDED, f"{because}, a number for each output"
        )
    return None


def as_weight(folded: Folded) -> Shape | None:
    """The shape of a constant as torch has the weight of the product that takes it; ``None`` where
    no product does.
    """
    shape = folded.location.shape
    for consumer in consumers(folded.table.model, folded.location.tensor):
        if consumer.is_product and consumer.word in ("weight", "operand"):
            return shape_after(shape, as_torch(consumer, shape))
    return None


def _module_of(name: str) -> str:
    """The module that a parameter, or what its weight is computed from, belongs to."""
    return _PARAMETRIZATION.sub("", name.rpartition(".")[0])


def _joined(folded: Folded) -> Claim | None:
    """Vectors of a module that were joined into one, as long as each other."""
    shape = folded.location.shape
    owner = folded.name.rpartition(".")[0]
    others = folded.others
    is_joined = folded.operators == ["cat"] and len(shape) == 1
    if not is_joined or any(each.rpartition(".")[0] != owner for each in others):
        return None
    n_parts = len(others) + 1
    if shape[0] % n_parts:
        return None
    because = f"'{folded.value}' joins it with {len(others)} others of its module, all as long"
    return folded.without((shape[0] // n_parts,), View.FOLDED, because)


# the surest first
_ANSWERS: Final[tuple[Callable[[Folded], Claim | None], ...]] = (
    _of_a_norm,
    _by_weight_norm,
    _with_its_shape,
    _viewed_vector,
    _looked_up,
    _by_different_rows,
    _in_weight_slot,
    _by_spectral_norm,
    _joined,
    _matrices_turned,
    _turned,
    _bias_of_linear,
)
