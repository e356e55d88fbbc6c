"""Recognize what no one learned in the slot of a weight: bases of transforms, filter banks,
frequencies.
"""

from __future__ import annotations

from typing import Final
from weakref import WeakKeyDictionary

from onnx_params.containers.onnx.graph import Node, Use
from onnx_params.dataflow.walk import WordedUse
from onnx_params.idioms.torchscript import real_name
from onnx_params.idioms.vocabulary import is_buffer_name
from onnx_params.operators.schemas import schema
from onnx_params.roles.context import Context, Subject, describe, is_layer
from onnx_params.roles.matrices import BY_MATRICES, computed_matrix
from onnx_params.roles.role import Classification, Role, RuleId
from onnx_params.tensors.filters import (
    are_differences,
    are_mirrored,
    are_of_one_size,
    is_resampling,
)
from onnx_params.tensors.stored import StoredTensor
from onnx_params.tensors.waves import are_consecutive, has_waves

MIN_KERNEL: Final = 16  # samples in the frame of a Fourier transform written as a convolution
MAX_SEEN: Final = 256  # nodes looked at between a transform and its squares
MAX_AFTER: Final = 64  # nodes looked at up to the outputs
MAX_TO_WAVES: Final = 5  # operators that compute between frequencies and Cos
MAX_BETWEEN_WAVES: Final = 32  # operators in all that are looked at
MAX_TO_LOG: Final = 8  # values looked at between a spectrum and its logarithm
# between a transform and its squares
_KEEPS_MAGNITUDE: Final = frozenset({"Neg", "Concat", "Mul", "Clip", "Max", "Pad", "Gather"})
# between a spectrum and its logarithm
_POSITIVE: Final = frozenset(
    "Clip Max Add Relu Identity Squeeze Unsqueeze Transpose Reshape".split()
)
_JOINS: Final = frozenset({"Concat", "Mul", "Add", "Einsum"})  # between frequencies and Cos
_LAYS_OUT: Final = frozenset({"Expand", "Tile", "Flatten"})
_WAVES: Final = ("Cos", "Sin")
# of numbers, and of the codes that stand for them
_CONVOLUTIONS: Final = frozenset({"Conv", "ConvTranspose", "ConvInteger", "QLinearConv"})
N_COLOURS: Final = (3, 4)
N_AXES_OF_PICTURES: Final = 4


def by_name(tensor: StoredTensor) -> Classification:
    """A buffer by its name alone."""
    because = f"frameworks register buffers under such a name: by '{tensor.name}' alone"
    return Classification(Role.BUFFER, RuleId.BUFFER_NAME, because)


def basis(context: Context, subject: Subject) -> Classification | None:
    """A Fourier basis written as a convolution, filters between a spectrum and its logarithm,
    frequencies, a transform of the input; ``None`` where it is none of them.
    """
    if is_buffer_name(subject.tensor.name):
        return by_name(subject.tensor)
    numbers = context.numbers(subject.tensor)
    for worded in subject.uses:
        if worded.use.node is None:
            continue
        found = _basis_by_use(context, numbers, worded, worded.use.node)
        if found is not None:
            return found
    return None


def _basis_by_use(
    context: Context, tensor: StoredTensor, worded: WordedUse, node: Node
) -> Classification | None:
    use, word = worded
    shape = tensor.shape
    is_kernel = node.op_type == "Conv" and word == "weight" and len(node.inputs) < 3
    if is_kernel and is_fourier(shape):
        why = (
            f"{shape[0]} filters are as many and as long as those of a Fourier transform of"
            f" {shape[1] * shape[2]} samples"
        )
        return Classification(Role.BUFFER, RuleId.FOURIER_BASIS, f"{describe(use)}: {why}")
    if node.op_type == "MatMul" and _reaches_log(context, use):
        because = f"{describe(use)}, whose result goes to Log, as that of a filter bank does"
        return Classification(Role.BUFFER, RuleId.FILTER_BANK, because)
    is_kernel = node.op_type in _CONVOLUTIONS and word == "weight"
    if is_kernel and is_resampling(tensor):
        because = f"{describe(use)}: filters that are all one, the same from both ends, resample"
        return Classification(Role.BUFFER, RuleId.RESAMPLING, because)
    if is_kernel and are_differences(tensor):
        because = f"{describe(use)}: filters of a few numbers that add up to zero, differences"
        return Classification(Role.BUFFER, RuleId.DIFFERENCES, because)
    if is_kernel and real_name(tensor.name) is None and are_of_one_size(tensor):
        because = f"{describe(use)}: one number but for its sign, sums and differences"
        return Classification(Role.BUFFER, RuleId.DIFFERENCES, because)
    if is_kernel and are_mirrored(tensor):
        because = f"{describe(use)}: one filter is the other one from its end, halves of a wavelet"
        return Classification(Role.BUFFER, RuleId.WAVELET, because)
    is_vector = max(shape, default=0) == tensor.count > 1
    if node.op_type == "MatMul" and is_vector and are_consecutive(tensor):
        because = f"{describe(use)}: whole numbers, one after the other"
        return Classification(Role.BUFFER, RuleId.SAMPLED_FUNCTIONS, because)
    computed = computed_matrix(context, tensor, use) if node.op_type in BY_MATRICES else None
    if computed is not None:
        return computed
    is_line = sum(dim > 1 for dim in shape) == 1
    if node.op_type in ("MatMul", "Einsum") and is_line and reaches_both(context, use, _WAVES):
        because = f"{describe(use)}, whose result goes to Cos and Sin"
        return Classification(Role.BUFFER, RuleId.FREQUENCIES, because)
    if _is_transform_of_the_input(context, use, node):
        because = f"{describe(use)}, which transforms or filters the graph's input"
        return Classification(Role.BUFFER, RuleId.TRANSFORM_OF_THE_INPUT, because)
    if word == "table" and not tensor.name.endswith(".weight") and has_waves(tensor):
        because = f"{describe(use)}: sines and cosines of positions"
        return Classification(Role.BUFFER, RuleId.POSITIONS, because)
    is_table = word == "table" and len(shape) == 1 and context.has_layers
    if is_table and reaches_outputs_only(context, use):
        because = f"{describe(use)}: numbers that are looked up, and no layer follows"
        return Classification(Role.BUFFER, RuleId.AFTER_THE_LAST_LAYER, because)
    return None


def is_fourier(shape: tuple[int, ...]) -> bool:
    """Whether filters have the shape of a Fourier transform: for frames of n samples n / 2 + 1 of
    them, or twice that.
    """
    if len(shape) != 3 or 1 not in shape[1:]:  # frames along the signal, or along the channels
        return False
    frame = shape[1] * shape[2]
    return frame >= MIN_KERNEL and frame % 2 == 0 and shape[0] in (frame + 2, frame // 2 + 1)


def _is_transform_of_the_input(context: Context, use: Use, node: Node) -> bool:
    if node.op_type not in ("Conv", "MatMul") or use.graph or not use.slot:
        return False
    if node.inputs[0] not in raw_values(context):
        return False
    return _is_transform(context, Use(use.graph, node, 1))


def _is_transform(context: Context, use: Use) -> bool:
    """Whether the weight of a layer on raw input is a basis:

    Fourier or constant-Q frames, a resampling filter, a filter bank.
    """
    assert use.node is not None
    weight = context.stored(use.graph, use.node.inputs[use.slot])
    if weight is None:
        return False
    if use.node.op_type == "MatMul":
        return _reaches_log(context, use) or _reaches_magnitude(context, use)
    if use.node.op_type not in ("Conv", "ConvTranspose"):
        return False
    shape = weight.shape
    if is_fourier(shape) and len(use.node.inputs) < 3:
        return True
    if _is_of_colours(weight) and len(use.node.inputs) < 3:
        return True
    if len(shape) < 3 or shape[1] != 1:
        return False
    return (shape[0] == 1 and max(shape) >= MIN_KERNEL) or _reaches_magnitude(context, use)


def _is_of_colours(weight: StoredTensor) -> bool:
    """Whether a kernel, under a name that is no weight's, makes as many colours of those of each
    pixel.
    """
    if len(weight.shape) != N_AXES_OF_PICTURES or "weight" in weight.name:
        return False
    n = weight.shape[0]
    return n in N_COLOURS and weight.count == n * n


_RAW: WeakKeyDictionary[Context, dict[bool, frozenset[str]]] = WeakKeyDictionary()


def raw_values(context: Context, *, with_lookups: bool = True) -> frozenset[str]:
    """Values of the main graph that come from its inputs alone: through arithmetic, framing,
    transforms, no layer; ``with_lookups`` also what was looked up by them in a table.
    """
    known = _RAW.setdefault(context, {})
    if with_lookups not in known:
        known[with_lookups] = _raw_values(context, with_lookups)
    return known[with_lookups]


def _raw_values(context: Context, with_lookups: bool) -> frozenset[str]:
    graph = context.model.main
    still = {name for path, name in context.model.stored if not path}
    raw = set(graph.inputs) - still
    for node in graph.nodes:
        if node.subgraphs:
            continue
        moving = [name for name in node.inputs if name and name not in still]
        if not moving:
            still.update(node.outputs)
        elif raw.issuperset(moving) and _keeps_raw(context, node, still, with_lookups):
            raw.update(node.outputs)
    return frozenset(raw)


def _keeps_raw(context: Context, node: Node, still: set[str], with_lookups: bool) -> bool:
    """Whether what a node computes of raw values is raw: all but reductions and layers, unless
    those transform, or look up rows of a table and that is allowed.
    """
    if node.op_type.startswith("Reduce"):
        return False
    if node.op_type == "Gather":
        return with_lookups or node.inputs[0] not in still
    if not is_layer(node):
        return True
    weight = next((slot for slot, name in enumerate(node.inputs) if slot and name in still), None)
    return weight is None or _is_transform(context, Use("", node, weight))


# -- where results go ---------------------------------------------------------------------------


def _passes(node: Node) -> bool:
    operator = schema(node.domain, node.op_type)
    return operator is not None and operator.passes is not None


def reaches_both(context: Context, use: Use, op_types: tuple[str, str]) -> bool:
    """Whether the result goes to both operators, through nothing but what passes on,
    joins or adds.
    """
    if not context.op_types.issuperset(op_types):
        return False
    found: set[str] = set()
    seen: set[int] = set()
    todo = [(use, 0)]
    while todo:
        at, hops = todo.pop()
        for after in context.followers(at) if hops < MAX_TO_WAVES else ():
            node = after.node
            if node is None or id(node) in seen:
                continue
            seen.add(id(node))
            if node.op_type in op_types:
                found.add(node.op_type)
            elif _passes(node) or node.op_type in _LAYS_OUT:
                todo.append((after, hops))
            elif node.op_type in _JOINS:
                todo.append((after, hops + 1))
        if len(seen) > MAX_BETWEEN_WAVES:
            break
    return len(found) == 2


def reaches_outputs_only(context: Context, use: Use) -> bool:
    """Whether nothing but the graph's outputs comes after: no layer, no branch, no operator of
    another domain.
    """
    todo = [use]
    seen: set[int] = set()
    while todo:
        for after in context.followers(todo.pop()):
            node = after.node
            if node is None or id(node) in seen:
                continue
            seen.add(id(node))
            if is_layer(node) or node.domain or node.subgraphs or len(seen) > MAX_AFTER:
                return False
            todo.append(after)
    return True


def _reaches_log(context: Context, use: Use) -> bool:
    """Whether the result goes to Log through nothing but what keeps it positive."""
    if "Log" not in context.op_types:
        return False
    todo, looked_at = [use], 0
    while todo and looked_at < MAX_TO_LOG:
        looked_at += 1
        for after in context.followers(todo.pop()):
            if after.node is None:
                continue
            if after.node.op_type == "Log":
                return True
            if after.node.op_type in _POSITIVE:
                todo.append(after)
    return False


def _reaches_magnitude(context: Context, use: Use) -> bool:
    """Whether results are squared, added up, and the root is taken: the length of complex
    numbers.
    """
    todo = [(use, 0)]
    seen: set[tuple[int, int]] = set()
    while todo:
        at, stage = todo.pop()
        for after in context.followers(at):
            node = after.node
            if node is None or (id(node), stage) in seen or len(seen) > MAX_SEEN:
                continue
            seen.add((id(node), stage))
            if stage == 2 and node.op_type == "Sqrt":
                return True
            following = _stage_after(node, stage)
            if following is not None:
                todo.append((after, following))
    return False


def _stage_after(node: Node, stage: int) -> int | None:
    """The stage that a node leads to: 0 a transform, 1 squares, 2 their sum; ``None`` where it
    leads elsewhere.
    """
    is_square = node.op_type == "Pow" or (node.op_type == "Mul" and len(set(node.inputs)) == 1)
    if stage == 0 and is_square:
        return 1
    if stage == 1 and node.op_type in ("Add", "ReduceSum", "Sum"):
        return 2
    keeps = _passes(node) or node.op_type in _KEEPS_MAGNITUDE
    return stage if keeps or (stage == 2 and node.op_type == "Add") else None
