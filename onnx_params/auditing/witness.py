"""Ask what says, besides the numbers, that something was computed from a parameter.

A weight that was replaced by a formula of itself is a fault like any other. A formula counts as the
exporter's where the graph says that something was computed, where the stored name does, or where
the same was done to most parameters of its kind.
"""

from __future__ import annotations

import math
import re
from typing import Final

from onnx_params.auditing.computed import is_known_factor
from onnx_params.auditing.kin import AS_IT_IS, family_of
from onnx_params.auditing.state import State, is_buffer, spells
from onnx_params.dataflow.consumers import consumers
from onnx_params.dataflow.view import View
from onnx_params.idioms.naming import Evidence, beside, leaf_of
from onnx_params.idioms.onnxruntime import name_before
from onnx_params.idioms.recurrent import GATES
from onnx_params.idioms.torch_dynamo import LAYS_OUT, TAKES_SOME, operator_of
from onnx_params.idioms.torchscript import (
    LIFTED,
    computed_by,
    is_fused,
    is_recomputed,
    is_result,
    real_name,
)
from onnx_params.idioms.vocabulary import PARTNERS
from onnx_params.matching.folds import MASKED, ONE_MORE, SHARES, SPELLED, words_of
from onnx_params.matching.match_state import Found
from onnx_params.matching.multiplied import BATCH_NORM
from onnx_params.names.folded_value import unlisted
from onnx_params.roles.role import Role
from onnx_params.tensors.steps import Key

# the attribute of an operator that multiplies. Source: skl2onnx, operator_converters/scaler_op.py
_DIVISOR: Final = re.compile(r"(^|/)Scaler\d*\.scale$")
# what is computed with other parameters of the reference: that these fit is a witness
_WITH_OTHERS: Final = frozenset({"", BATCH_NORM, "weight norm", "spectral norm"})
# formulas of whole lines: their length, their mean and spread, a triangle
_OF_LINES: Final = (
    "w / |w|",
    "standardized w",
    "w with a third",
    "triu(w",
    "tril(w",
    "sums of its window",
)
_ENOUGH: Final = 0.5  # share of the kin
ALIKE: Final = 1e-3  # relative: factors of a layer, of which one was rounded
# of exporters that list what they computed of what
_RECORDS: Final = frozenset({Evidence.SIGNATURE, Evidence.SOURCE_MAP})
_EXPANDED: Final = re.compile(r"(onnx::Expand_|expand(_\d+)?$)")
ROOT_APART: Final = 1e-5  # relative
# words of what is learned as its logarithm: Mamba's decay, the scale of CLIP and of Swin
_LOGARITHMS: Final = frozenset({"log", "logs", "logit", "logvar"})
_PRODUCTS: Final = frozenset({"mul", "div"})  # FX calls
_EXPORTERS: Final = "onnx::"  # names that TorchScript's exporter gives what it folded
_MULTIPLIES: Final = re.compile(r"onnx::Mul_\d+$")
# names after operators that take parameters element by element, or lay them out
_MAY_BE_LAID_OUT: Final = re.compile(
    r"onnx::(Add|Sub|Mul|Div|PRelu|Concat|Where|Expand|Tile|Reshape|Unsqueeze|Slice)_"
)


def is_witnessed(state: State, name: str, found: Found) -> bool:
    """Whether something besides the numbers says that what was found was computed."""
    if found.formula in _WITH_OTHERS or found.by or spells(name, found):
        return True
    if _is_inverted(found):
        return True
    share = state.kin.share_of_explained(name, found.formula)
    if share is not None and share >= _ENOUGH:
        return True
    if state.kin.is_of_one_place(name, found.formula):
        return True
    if found.formula == MASKED:  # else zeros may be a fault
        return bool(found.stored) and all(is_recomputed(key[1]) for key in found.stored)
    if _is_by_fusion(state, name, found):
        return True
    if not found.stored or any(map(_is_own_name, found.stored)):
        return False  # a module's own name says that nothing was computed
    return _is_said_by_names(state, name, found)


def _is_said_by_names(state: State, name: str, found: Found) -> bool:
    """Whether names that exporters and optimizers made up say that what was found was computed."""
    if _is_never_by_chance(state, found):
        return True
    if _is_family(state, name, found) or _is_a_logarithm(name, found):
        return True
    if _is_of_width(state, name, found) or _is_multiplied(state, name, found):
        return True
    if _is_recorded(state, name, found):
        return True
    if _is_of_a_buffer(state, name, found):
        return True
    if found.formula == ONE_MORE and all(_is_of_product(state, name, key) for key in found.stored):
        return True
    if not all(_is_computed_name(key, found.factor) for key in found.stored):
        return False
    if found.formula.startswith(BATCH_NORM):  # of which its name says enough, and of no number
        by_optimizer = all(not name_before(key[1]).startswith(_EXPORTERS) for key in found.stored)
        return by_optimizer and is_known_factor(found.factor)
    if is_known_factor(found.factor) and all(_is_simplified(state, name, k) for k in found.stored):
        return True
    if _graph_says(state, name, found):
        return True
    share = state.kin.share_of_explained(name, found.formula)
    # kin of which nothing was computed speak against a name that says something was
    are_alike = share is None or not state.kin.are_explained(name, widest=1)
    are_alike |= is_buffer(state, state.reference[name])  # which is no kin of what is learned
    return are_alike and is_known_factor(found.factor)


def _is_never_by_chance(state: State, found: Found) -> bool:
    """Whether no single number makes a formula, or the name of another parameter says that this
    model computes it.
    """
    is_of_lines = found.formula.startswith(_OF_LINES)
    if found.formula == SHARES:  # several numbers that add up to one, as an exporter computed them
        return all(key[1].startswith(LIFTED) for key in found.stored)
    return is_of_lines or (found.factor == 1.0 and found.formula in state.spelled)


def _is_inverted(found: Found) -> bool:
    """Whether an operator multiplies by what the estimator divides by."""
    is_divisor = all(_DIVISOR.search(key[1]) for key in found.stored)
    return found.formula == "1 / w" and bool(found.stored) and is_divisor


def _is_by_fusion(state: State, name: str, found: Found) -> bool:
    """Whether all stored names say that a fusion changed the values, by a factor that networks
    have, or by that of what stands beside it in its layer.
    """
    if not found.stored or not all(is_fused(key[1]) for key in found.stored):
        return False
    if is_known_factor(found.factor):
        return True
    others = [state.found.get(beside(name, leaf)) for leaf in PARTNERS.get(leaf_of(name), ())]
    return any(
        other is not None
        and other.factor != 1.0
        and abs(other.factor - found.factor) <= ALIKE * abs(found.factor)
        for other in others
    )


def _is_a_logarithm(name: str, found: Found) -> bool:
    """Whether a parameter's own name says that it is a logarithm, and a power of it was taken."""
    is_power = found.formula in ("exp(w)", "-exp(w)")
    return is_power and not _LOGARITHMS.isdisjoint(words_of(leaf_of(name)))


def _is_of_width(state: State, name: str, found: Found) -> bool:
    """Whether an embedding was multiplied by the root of its width, before it was expanded."""
    width = state.reference[name].shape[-1:]
    is_expanded = all(_EXPANDED.match(key[1]) for key in found.stored)
    root = math.sqrt(width[0]) if width else 0.0
    return is_expanded and root > 1 and abs(found.factor - root) <= ROOT_APART * root


def _is_recorded(state: State, name: str, found: Found) -> bool:
    """Whether the exporter wrote that each stored tensor was computed from the parameter by calls
    that spell the formula.
    """
    words, claim = SPELLED.get(found.formula, frozenset()), state.named.get(name)
    if not words or claim is None or found.formula in (ONE_MORE, MASKED):
        return False  # sums and products are on the way to other formulas too
    for key in found.stored:
        sources = state.metadata.folded_from(key[1])
        operators = set(map(operator_of, sources))
        if claim.name not in sources or not words <= operators or "arange" in operators:
            return False  # of places that are looked up much is computed
    return bool(found.stored)


def _is_multiplied(state: State, name: str, found: Found) -> bool:
    """Whether the exporter wrote that a product was computed of the parameter alone, on the way to
    each stored tensor, whatever the factor is; of vectors TorchScript's has names that say so. Kin
    that are there as they are speak against it.
    """
    if found.factor == 1.0 or AS_IT_IS in state.kin.ways(name, widest=1):
        return False
    if found.stored and all(_is_of_product(state, name, key) for key in found.stored):
        return True
    claim = state.named.get(name)
    if claim is None:
        return False
    for key in found.stored:
        sources = state.metadata.folded_from(key[1])
        is_alone = [each for each in sources if each in state.metadata.kinds] == [claim.name]
        if not is_alone or _PRODUCTS.isdisjoint(map(operator_of, (key[1], *sources))):
            return False
    return bool(found.stored)


def _is_own_name(key: Key) -> bool:
    return bool(real_name(key[1])) and not is_result(key[1])


def _is_computed_name(key: Key, factor: float) -> bool:
    # TorchScript's exporter gives what it only laid out anew the same names as what it computed,
    # and so does onnxsim, of which a factor says more
    is_laid_out = _MAY_BE_LAID_OUT.match(name_before(key[1])) is not None
    if is_result(key[1]) or (bool(computed_by(name_before(key[1]))) and not is_laid_out):
        return True
    return factor != 1.0 and not is_laid_out and is_recomputed(key[1])


def _is_simplified(state: State, name: str, key: Key) -> bool:
    """Whether onnxsim made up the name of an array of the parameter's own shape, which no
    transposition leaves: such a one is not laid out anew, so it was computed.
    """
    shape = state.reference[name].shape
    is_turnable = len(shape) == 2 and shape[0] == shape[1]
    is_of_shape = state.model.stored[key].shape == shape
    return is_of_shape and not is_turnable and is_recomputed(key[1])


def _is_of_product(state: State, name: str, key: Key) -> bool:
    """Whether an exporter made up the name of a vector after a product, of the parameter's own
    shape: one that is taken as it is keeps its name, and a vector is neither turned nor split.
    """
    is_product = (
        operator_of(key[1]) in _PRODUCTS or _MULTIPLIES.match(name_before(key[1])) is not None
    )
    return is_product and _is_vector_of_shape(state, name, key)


def _is_of_a_buffer(state: State, name: str, found: Found) -> bool:
    """Whether TorchScript's exporter made up the name of a buffer, by its use, times a factor that
    networks have, in the buffer's shape: it was not laid out anew, so it was computed.
    """
    tensor = state.reference[name]
    return (
        bool(found.stored)
        and all(state.roles.get(key) is Role.BUFFER for key in found.stored)
        and is_known_factor(found.factor)
        and all(name_before(key[1]).startswith(LIFTED) for key in found.stored)
        and all(state.model.stored[key].shape == tensor.shape for key in found.stored)
    )


def _is_vector_of_shape(state: State, name: str, key: Key) -> bool:
    """Whether the parameter is a vector, and the stored tensor has its shape."""
    shape = state.reference[name].shape
    return len(shape) == 1 and state.model.stored[key].shape == shape


def _graph_says(state: State, name: str, found: Found) -> bool:
    """Whether the exporter's record of the graph says that this stored tensor was computed from the
    parameter.
    """
    claim = state.named.get(name)
    if claim is None or claim.view not in (View.FOLDED, View.SLICED) or not claim.stored:
        return False
    # only an exporter that lists its calls says so; gates are put in order, and no more
    is_listed = claim.evidence in _RECORDS
    stored = state.model.stored[claim.stored[0]]
    gates = any(each.node.op_type in GATES for each in consumers(state.model, stored))
    if not is_listed or gates or found.stored[:1] != claim.stored[:1]:
        return False
    operators = _operators(state, claim.stored[0])
    if operator_of(claim.stored[0][1]) in TAKES_SOME and "arange" in operators:
        return False  # what else was computed are the places that were looked up
    return not operators or not operators <= LAYS_OUT


def _operators(state: State, key: Key) -> set[str]:
    """The FX calls after which a stored tensor, and what it was computed of, are called."""
    names = [key[1], *state.metadata.folded_from(key[1])]
    return set(map(operator_of, unlisted(names, state.metadata.kinds)))


def _is_family(state: State, name: str, found: Found) -> bool:
    """Whether kin were multiplied by numbers as well, and none is there as it is."""
    ways = state.kin.ways(name)
    family = family_of(found.formula)
    return AS_IT_IS not in ways and any(family_of(way) == family for way in ways)
