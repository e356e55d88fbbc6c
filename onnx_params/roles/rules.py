"""Decide what each stored tensor is: ordered rules, the most specific first; the first that answers
wins.

The exporter's own metadata comes first, then the place (attributes of operators that keep what they
learned there), then the words of converters, then the slots of the operators that use the tensor,
then the computation around it, then its element type. A rule that goes by names or by the type
alone says so in its reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Final

from onnx_params.containers.onnx.graph import Model, Node, Use
from onnx_params.idioms import writers
from onnx_params.idioms.exporter_metadata import ExporterMetadata
from onnx_params.idioms.torch_modules import BARE_SPECTRAL_LEAVES, SPECTRAL_LEAVES
from onnx_params.idioms.torchscript import is_made_up
from onnx_params.idioms.vocabulary import is_buffer_name, is_unlearned_name
from onnx_params.roles import spectra, state_order
from onnx_params.roles.attributes import in_attribute
from onnx_params.roles.context import Context, Subject, describe
from onnx_params.roles.norms import fills_a_group_norm, fills_a_norm
from onnx_params.roles.one_number import of_one_number
from onnx_params.roles.role import Classification, Role, RuleId
from onnx_params.roles.slots import BY_WORD, by_slots
from onnx_params.roles.surroundings import (
    by_surroundings,
    computed_for_attention,
)
from onnx_params.tensors.stored import StoredTensor

Rule = Callable[[Context, Subject], Classification | None]
MAX_IDENTITIES: Final = 16  # Identity nodes in a chain inside a loop
_RULE_BY_ID: Final = {rule.value: rule for rule in RuleId}


def classify(
    model: Model, metadata: ExporterMetadata
) -> Iterator[tuple[StoredTensor, Classification]]:
    """Yield every stored tensor of ``model`` once, in file order, classified; ``metadata`` is what
    the exporter said.
    """
    context = Context(model, metadata)
    listed = list(_one_by_one(context))
    by_order = {} if metadata.has_roles else state_order.by_order(model, listed)
    for tensor, said in listed:
        yield tensor, by_order.get(tensor.key, said) if said.rule is not RuleId.SHADOWED else said


def _one_by_one(context: Context) -> Iterator[tuple[StoredTensor, Classification]]:
    """Every stored tensor with the answer of the first rule that has one."""
    model = context.model
    seen: set[tuple[str, str]] = set()
    for path, graph in model.graphs.items():
        for tensor in graph.tensors:
            key = (path, tensor.name)
            if key in seen:
                because = (
                    f"another tensor called '{tensor.name}' comes before it and is the one used"
                )
                yield tensor, Classification(Role.CONSTANT, RuleId.SHADOWED, because)
            else:
                seen.add(key)
                yield tensor, classification(context, tensor)


def classification(context: Context, tensor: StoredTensor) -> Classification:
    """The answer of the first rule that has one."""
    subject = Subject(tensor, ())
    for rule in _BY_WHAT_IS_SAID:
        found = rule(context, subject)
        if found is not None:
            return found
    subject = context.subject(tensor)
    for rule in _BY_USE:
        found = rule(context, subject)
        if found is not None:
            return found
    return by_surroundings(context, subject)


def of_a_computed_weight(context: Context, subject: Subject) -> Classification | None:
    """Codes, tables and scales of which nodes compute a weight."""
    whole = context.model.parts_of_computed.get(subject.tensor.key)
    if whole is None:
        return None
    because = f"'{whole[1]}' is computed of it, and is the weight that a layer uses"
    return Classification(Role.QUANTIZATION, RuleId.OF_A_COMPUTED_WEIGHT, because)


def left_by_a_quantizer(context: Context, subject: Subject) -> Classification | None:
    """The original of a quantized tensor, where that alone is used."""
    if subject.tensor.key not in context.left_behind:
        return None
    because = "a quantizer made another tensor of it and left it where no node takes it"
    return Classification(Role.CONSTANT, RuleId.LEFT_BEHIND, because)


def by_exporter(context: Context, subject: Subject) -> Classification | None:
    """What the exporter's metadata or a source map says."""
    if not context.metadata.has_roles:
        return None
    said = context.metadata.role_of(subject.tensor.key)
    return None if said is None else Classification(Role(said[0]), RuleId.EXPORTER, said[1])


def in_checkpoint(context: Context, subject: Subject) -> Classification | None:
    """Tensors of a checkpoint: by type and name, for there is no graph that uses them."""
    if context.model.checkpoint is None:
        return None
    tensor = subject.tensor
    if is_buffer_name(tensor.name):
        return spectra.by_name(tensor)
    if tensor.dtype.is_float or tensor.dtype.is_complex:
        return Classification(Role.PARAMETER, RuleId.CHECKPOINT, "a tensor of the checkpoint")
    return Classification(Role.BUFFER, RuleId.INTEGERS, f"elements are {tensor.dtype.name}")


def no_number(context: Context, subject: Subject) -> Classification | None:
    """Strings and truth values."""
    name = subject.tensor.dtype.name
    if name not in ("string", "bool"):
        return None
    return Classification(Role.CONSTANT, RuleId.NO_NUMBER, f"elements are {name}")


def begins_a_loop(context: Context, subject: Subject) -> Classification | None:
    """What no module named, and only loops use, which change it."""
    tensor = subject.tensor
    if "Loop" not in context.op_types or not is_made_up(tensor.name):
        return None
    uses = context.graph.uses(tensor.key)
    if not uses or not all(
        use.node is not None and use.slot > 1 and _is_changed_in(context, use.node, use.slot)
        for use in uses
    ):
        return None
    because = "a loop begins with it and changes it, and no module named it"
    return Classification(Role.BUFFER, RuleId.INITIAL_STATE, because)


def _is_changed_in(context: Context, node: Node, slot: int) -> bool:
    """Whether a Loop's body returns another value than the one that enters it.

    Its outputs begin with a condition, its inputs with a counter too.
    """
    if node.op_type != "Loop" or node.domain or not node.subgraphs:
        return False
    body = context.model.graphs[node.subgraphs[0]]
    if slot >= len(body.inputs) or slot - 1 >= len(body.outputs):
        return False
    name = body.outputs[slot - 1]
    for _ in range(MAX_IDENTITIES):
        producer = context.producer(body.path, name)
        if producer is None or producer.op_type != "Identity" or not producer.inputs:
            break
        name = producer.inputs[0]
    return name != body.inputs[slot]


def by_writer(context: Context, subject: Subject) -> Classification | None:
    """What the words of the converter that wrote the file say."""
    hint = writers.hint(context.model, subject.tensor)
    if hint is None:
        return None
    other = Role.BUFFER if hint.is_buffer else Role.CONSTANT
    role = Role.PARAMETER if hint.is_learned else other
    return Classification(role, _RULE_BY_ID[hint.rule], hint.because)


def of_a_spectral_norm(context: Context, subject: Subject) -> Classification | None:
    """The vectors from which a spectral norm is computed, where both lie beside each other."""
    graph, name = subject.tensor.key
    for pair in SPECTRAL_LEAVES:
        owner = next((name.removesuffix(leaf) for leaf in pair if name.endswith(leaf)), None)
        if owner is None:
            continue
        both = [context.model.stored.get((graph, owner + leaf)) for leaf in pair]
        if all(each is not None and len(each.shape) == 1 for each in both):
            if pair == BARE_SPECTRAL_LEAVES and not _fit_a_weight(context, owner, graph):
                continue
            because = "a vector of a spectral norm, by its name and the other one beside it"
            return Classification(Role.BUFFER, RuleId.BUFFER_NAME, because)
    return None


def _fit_a_weight(context: Context, owner: str, graph: str) -> bool:
    """Whether a module has a weight with as many rows and columns as its two vectors are long, from
    which one may be computed: their names alone say little.
    """
    stored = context.model.stored
    lengths = [stored[graph, owner + leaf].count for leaf in BARE_SPECTRAL_LEAVES]
    weight = stored.get((graph, f"{owner}.weight"))
    return weight is not None and [weight.shape[0], math.prod(weight.shape[1:])] == lengths


def by_only_slot(context: Context, subject: Subject) -> Classification | None:
    """Nearly all weights and biases: one operator uses them as that, and nothing else does."""
    tensor = subject.tensor
    if len(subject.uses) != 1 or tensor.count <= 1 or not tensor.dtype.bits:
        return None
    use, word = subject.uses[0]
    if word not in ("weight", "bias") or use.node is None:
        return None
    if use.node.op_type == "BatchNormalization":
        return None
    special = spectra.basis(context, subject) if word == "weight" else None
    if word == "bias" and len(tensor.shape) > 1:  # no layer's bias has axes
        special = _no_layers_bias(subject, use)
    return special or Classification(*BY_WORD[word], describe(use))


def _no_layers_bias(subject: Subject, use: Use) -> Classification | None:
    """What a tool put where a layer has its bias, as a buffer that was added to its results."""
    if is_unlearned_name(subject.tensor.name):
        return spectra.by_name(subject.tensor)
    return of_one_number(subject, use)


_BY_WHAT_IS_SAID: Final[tuple[Rule, ...]] = (
    of_a_computed_weight,
    left_by_a_quantizer,
    by_exporter,
    in_checkpoint,
    in_attribute,
    no_number,
    begins_a_loop,
    by_writer,
)
_BY_USE: Final[tuple[Rule, ...]] = (
    of_a_spectral_norm,
    fills_a_group_norm,
    fills_a_norm,
    by_only_slot,
    computed_for_attention,
    by_slots,
)
