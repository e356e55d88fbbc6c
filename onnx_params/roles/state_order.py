"""Tell buffers from parameters by the order in which a module lists them.

TorchScript's exporter writes initializers in the order of the state dict, and every module lists
its parameters first, then its buffers: what comes after a buffer of the same module is one, and
what comes before a parameter is one, whatever names and numbers say. Sources: torch,
``nn/modules/module.py``, ``_save_to_state_dict``; ``jit/_trace.py``, ``_unique_state_dict``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from onnx_params.containers.onnx.graph import Model
from onnx_params.idioms.naming import leaf_of, module_of
from onnx_params.idioms.onnxruntime import undo
from onnx_params.idioms.torchscript import LIFTED, is_made_up
from onnx_params.idioms.vocabulary import is_buffer_name
from onnx_params.roles.role import Classification, Role, RuleId
from onnx_params.tensors.encoding import PlaceKind
from onnx_params.tensors.steps import Key
from onnx_params.tensors.stored import StoredTensor

_Listed = tuple[StoredTensor, Classification]

# what no rule has a reason for but that it is floating point: it may as well be a buffer
_BY_DEFAULT: Final = frozenset(
    {
        RuleId.ELEMENTWISE_FLOAT,
        RuleId.FLOAT_BY_DEFAULT,
        RuleId.NAMED_SCALAR,
        RuleId.BIAS_OF_A_LAYER,
    }
)
_SURE_PARAMETERS: Final = frozenset(
    {
        RuleId.WEIGHT_SLOT,
        RuleId.BIAS_SLOT,
        RuleId.NAMED_IN_ITS_MODULE,
        RuleId.BIAS_OF_A_LAYER,
        RuleId.OPERAND_SLOT,
        RuleId.TABLE_SLOT,
    }
)
# no gradient reaches whole numbers, indices and statistics; of others the numbers say it
_SURE_BUFFERS: Final = frozenset(
    {
        RuleId.RUNNING_STATISTICS_SLOT,
        RuleId.INDEX_SLOT,
        RuleId.INTEGERS,
        RuleId.NO_NUMBER,
        RuleId.ONES_AND_ZEROS,
        RuleId.SYMMETRIC,
        RuleId.SAMPLED_FUNCTIONS,
        RuleId.RESAMPLING,
        RuleId.DIFFERENCES,
        RuleId.WAVELET,
        RuleId.WINDOW,
    }
)
_WEAK: Final = frozenset({RuleId.MASK_SLOT, RuleId.ATTENTION_MASK})
MIN_SORTED: Final = 8  # names, below which they are in order by chance
_LEARNED: Final = ("weight", "bias")  # words in the leaves of layers' parameters
SEVERAL: Final = 2  # buffers by their names, or one that is likely; twice where a slot speaks


def by_order(model: Model, listed: Sequence[_Listed]) -> dict[Key, Classification]:
    """Other answers for the stored tensors of which their module's order says what they are."""
    found: dict[Key, Classification] = {}
    for group in _modules(model, listed).values():
        found.update(_in_module(group))
    return found


def _modules(model: Model, listed: Sequence[_Listed]) -> Mapping[str, list[_Listed]]:
    """Module -> its own tensors as the file lists them, where a trace wrote it so; none where some
    tool put a module's tensors apart.
    """
    if not any(node.name.startswith("/") for node in model.main.nodes):
        return {}
    in_file = [each for each in listed if _is_initializer(each[0])]
    own = [each for each in in_file if _is_as_exported(each[0].name)]
    if _is_sorted_anew([tensor for tensor, _ in in_file]):
        return {}
    groups: dict[str, list[_Listed]] = {}
    last = ""
    for each in own:
        module = module_of(each[0].name)
        if module in groups and module != last:
            return {}
        groups.setdefault(module, []).append(each)
        last = module
    return groups


def _is_initializer(tensor: StoredTensor) -> bool:
    return tensor.place.kind is PlaceKind.INITIALIZER and not tensor.place.graph


def _is_as_exported(name: str) -> bool:
    """Whether the exporter listed a tensor under a module's name, and no tool made it anew."""
    return not is_made_up(name) and not undo(name)


def _is_sorted_anew(in_file: Sequence[StoredTensor]) -> bool:
    """Whether a tool listed tensors by their names, or between those that TorchScript's exporter
    computed, which come last.
    """
    names: list[str] = []
    has_lifted = False
    for tensor in in_file:
        if tensor.name.startswith(LIFTED):
            has_lifted |= tensor.dtype.is_float
        elif _is_as_exported(tensor.name):
            if has_lifted:
                return True
            names.append(tensor.name)
    return len(names) >= MIN_SORTED and names == sorted(names)


def _in_module(group: Sequence[_Listed]) -> Iterator[tuple[Key, Classification]]:
    in_layers = [at for at, each in enumerate(group) if _is_of_a_layer(*each)]
    last_in_layer = max(in_layers, default=-1)
    unlearned = [at for at, (_, said) in enumerate(group) if said.role is not Role.PARAMETER]
    before = {group[at][1].rule for at in unlearned if at < last_in_layer}
    if not before <= {RuleId.POSITIONS}:
        return  # some tool put it in another order, or a buffer is a layer's weight
    n_sure = n_likely = n_weak = 0
    first = ""
    for at, (tensor, said) in enumerate(group):
        if at < last_in_layer and said.role is Role.BUFFER:
            because = f"its module lists it before '{group[last_in_layer][0].name}', a parameter"
            yield tensor.key, Classification(Role.PARAMETER, RuleId.STATE_ORDER, because)
        elif said.role is Role.PARAMETER:
            has_reason = said.rule not in _BY_DEFAULT or _is_named(tensor)
            n_witnesses = 2 * n_likely + n_weak
            if n_sure or n_witnesses >= (2 * SEVERAL if has_reason else SEVERAL):
                because = f"its module lists it after '{first}', a buffer"
                yield tensor.key, Classification(Role.BUFFER, RuleId.STATE_ORDER, because)
        else:
            is_sure, is_weak = said.rule in _SURE_BUFFERS, _is_weak(tensor, said)
            n_sure += is_sure
            n_weak += is_weak
            n_likely += said.role is Role.BUFFER and not is_sure and not is_weak
            first = first or tensor.name


def _is_weak(tensor: StoredTensor, said: Classification) -> bool:
    """Whether a buffer alone is no witness: one by its name, but for a framework's word, or what
    may stand for what is missing.
    """
    if said.rule is RuleId.BUFFER_NAME:
        return not is_buffer_name(tensor.name)
    return said.rule in _WEAK


def _is_of_a_layer(tensor: StoredTensor, said: Classification) -> bool:
    """Whether a layer takes a tensor as its weight or bias, under a name with such a word."""
    return said.rule in _SURE_PARAMETERS and _is_named(tensor)


def _is_named(tensor: StoredTensor) -> bool:
    leaf = leaf_of(tensor.name)
    return any(word in leaf for word in _LEARNED)
