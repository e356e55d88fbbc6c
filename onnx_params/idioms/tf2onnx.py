"""Name what tf2onnx stored as Keras names it: from the name of the TensorFlow operator that read
the variable, its layer's path and its word.

``net_1/stem_1/convolution/ReadVariableOp:0`` is ``stem/kernel``, as Keras lays it out. Every part
of a scope has a counter; the first is the model's, which the paths of functional models leave out.
Sources: tf2onnx 1.17's output for Keras 3.15 on TensorFlow 2.21, layer by layer; tf2onnx 1.9's for
tf.keras 2.2 and for graphs of TensorFlow 1 (``conv1/weights/read:0``), whose operators have other
words; keras/src/layers for the words and layouts (kernel [..., in, out], gates i, f, c, o).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.consumers import consumers
from onnx_params.idioms import keras, tensorflow_lite
from onnx_params.idioms.naming import Evidence, Hint, Naming
from onnx_params.idioms.onnxruntime import name_before
from onnx_params.idioms.tensorflow import (
    READ,
    Described,
    Scopes,
    is_joined,
    is_of_jax,
    listed,
    scopes_of,
)
from onnx_params.idioms.tf2onnx_unnamed import bias_of, by_consumer
from onnx_params.idioms.written import Written, as_written
from onnx_params.tensors.small import is_zeros
from onnx_params.tensors.steps import (
    Key,
    Permute,
    Reshape,
    Steps,
    shape_after,
    without_ones,
)
from onnx_params.tensors.stored import StoredTensor
from onnx_params.tensors.waves import has_waves

_PRODUCT: Final = re.compile(r"/batchnorm/mul(_1)?(?:__\d+)?(?::0)?$")
_FOLDED_NORM: Final = re.compile(r"^(?P<scope>.+)/batchnorm/sub:0$")
_CONSTANT: Final = re.compile(r"(^|/)Const(_\d+)?(:0|__\d+)?$")
# tensorflow/python/framework/op_def_library.py: what is no tensor is one named after its argument
_OPERAND: Final = re.compile(r"/[xy](?::0|__\d+)?$")
_VARIABLE: Final = re.compile(rf"/{READ}(?::0|__\d+)?$")
# what a norm without a factor multiplies by
_FACTOR: Final = re.compile(r"/batchnorm/Rsqrt(?::0|__\d+)?$")
# rows of a table that constant folding looked up
_LOOKUP: Final = r"(?:GatherV2|Gather|embedding_lookup)(?:_\d+)?"
_LOOKED_UP: Final = re.compile(rf"/{_LOOKUP}$")
_LITE: Final = re.compile(r"arith\.constant\d*(?:_dequant)?(?:__\d+)?")  # operations of MLIR
_FOLDED: Final = "const_fold_opt_"  # tf2onnx, ``optimizer/const_fold_optimizer.py``
_ASKS_SHAPE: Final = frozenset({"Shape", "Size"})
_READ_BY_NAME: Final = r"(?:read|Read/Identity|Read/ReadVariableOp)(?:__\d+)?"
_OWN_NAME: Final = re.compile(rf"/{_READ_BY_NAME}(?::0)?$")
DEPTH: Final = 3  # parts of a path: the model, a layer, the variable
# what layers have inside them
_INNER: Final = re.compile(
    r"/(?:\w+_cell|(?:for|back)ward_\w+|query|key|value|attention_output)(?=/)"
)
# names that tf.keras gives to models. Source: keras/engine/functional.py and sequential.py of 2.x
_MADE_UP: Final = re.compile(r"(?:model|functional|sequential)(?:_\d+)?")
_LEAVES_OF_NORM: Final = {
    ("BatchNormalization", 1): "gamma",
    ("BatchNormalization", 2): "beta",
    ("Sub", 0): "beta",
}


class _Row(NamedTuple):
    """The end of a stored name, the word of Keras' for it, and how it is read; ``None`` where the
    numbers were computed, empty where it lies as Keras has it.
    """

    ends: re.Pattern[str]
    leaf: str
    step: str | None


def _row(ends: str, leaf: str, step: str | None = "") -> _Row:
    return _Row(re.compile(rf"^(?P<scope>.*?)/{ends}(?:/resource)?(?::0|__\d+)?$"), leaf, step)


_ROWS: Final = (
    _row(rf"batchnorm/mul/{READ}", "gamma"),
    _row(rf"batchnorm/{READ}", "", "norm"),
    _row(
        rf"(?:(?:Cast|split(?:_\d+)?|Cast_1|BiasAdd|MatMul|MatMul_1)/)?{READ}(?=/resource)",
        "",
        "cell",
    ),
    _row(rf"separable_conv2d/{READ}", "pointwise_kernel", "kernel"),
    _row(rf"(?:convolution|conv_transpose|Conv2D|conv2d_transpose)/{READ}", "kernel", "kernel"),
    _row(r"(?:convolution|conv1d)/ExpandDims_1", "kernel", "conv1d"),
    _Row(
        re.compile(
            r"^(?P<scope>.*?)(?:/(?:BiasAdd|Conv2D|convolution|depthwise))?_weights_fused_bn$"
        ),
        "kernel",
        None,
    ),
    _Row(
        re.compile(r"^(?P<scope>.*?)(?:/(?:BiasAdd|Conv2D|convolution|depthwise))?_bias_fused_bn$"),
        "bias",
        None,
    ),
    _row(r"convolution/merged_input", "kernel", None),
    _row(r"separable_conv2d/merged_input", "pointwise_kernel", None),
    _row(rf"(?:Cast|MatMul|Tensordot|einsum/Einsum)/{READ}", "kernel"),
    _row(rf"(?:BiasAdd|Add)/{READ}", "bias"),
    _row(r"Squeeze", "bias"),
    _row(r"batchnorm/mul", "gamma", None),
    # onnxslim, ``core/pattern/fusion``: after the result of what it joined
    _row(r"batchnorm/add_1:0_bias", "beta", None),
    _row(r"batchnorm/sub", "beta", None),
    _row(rf"(?:GatherV2|embedding_lookup)/(?:{READ}|\d+)", "embeddings"),
    _row(_LOOKUP, "embeddings", "lookup"),
    _row(rf"mul_\d+/{READ}", "gamma"),
    _row(rf"add/{READ}", "", "added"),
    _row(_READ_BY_NAME, "", "read"),
    _row(rf"Mul(?:_1)?/{READ}", "scale"),
    _row(READ, "", "norm"),
    _row(r"Neg", "alpha", None),
    _row(r"Reshape", "", "reshape"),
    _row(r"Reshape_1", "", "reshape"),
    _row(r"Reshape_2", "", "reshape"),
)


def namings(model: Model, tensors: Iterable[StoredTensor]) -> dict[Key, list[Naming]]:
    """Names of what a row knows, by key; none where no name is TensorFlow's.

    All inferred: the names are TensorFlow's operators', not the variables'. Reads attributes of
    quantized weights.
    """
    scopes = scopes_of(model)
    if not scopes.is_tensorflow:
        return {}
    listed = [as_written(model, tensor) for tensor in tensors if not is_of_jax(tensor.name)]
    factors = _have_factors(model)
    found: dict[Key, tuple[Written, list[Described]]] = {}
    for written in listed:
        shown = _described(model, written, scopes)
        if factors and any(steps is None and name.endswith("kernel") for name, _, steps in shown):
            shown += _folded_gamma(model, written, scopes)
        if shown:
            found[written.stored.key] = written, shown
    names = [name for _, shown in found.values() for name, _, _ in shown]
    prefix = "" if scopes.words else _model_prefix(names, scopes.are_counted)
    return {
        key: [_claim(written, each, prefix) for each in shown]
        for key, (written, shown) in found.items()
    }


def _model_prefix(names: Sequence[str], are_counted: bool) -> str:
    """The model's own name at the head of every path, which functional models leave out; empty
    where there is none. Without counters a model is taken for such by a name that Keras gives by
    itself, or where most paths go no deeper than a layer: modules in modules are classes.
    """
    first = {name.partition("/")[0] for name in names if "/" in name}
    if len(first) != 1 or not all(name.count("/") > 1 for name in names):
        return ""
    word = first.pop()
    if are_counted:
        return "" if word.startswith("sequential") else f"{word}/"
    n_flat = sum(len(_INNER.sub("", name).split("/")) == DEPTH for name in names)
    is_flat = 2 * n_flat > len(names)
    return f"{word}/" if is_flat or _MADE_UP.fullmatch(word) else ""


def _claim(written: Written, described: Described, prefix: str) -> Naming:
    name, shape, steps = described
    because = f"TensorFlow calls it '{written.name}', after the operator that read it"
    return written.naming(name.removeprefix(prefix), steps, Evidence.SCOPE, because, shape)


def _described(model: Model, written: Written, scopes: Scopes) -> list[Described]:
    """A name, a shape and the steps to it, of each parameter in a tensor."""
    if is_joined(written.name):
        return listed(tensorflow_lite.described(model, written, scopes))
    for row in _ROWS:
        match = row.ends.match(written.name)
        if match is not None:
            return listed(_by_row(model, written, row, match["scope"], scopes))
    found = by_consumer(model, written, scopes)
    return found or listed(tensorflow_lite.described(model, written, scopes))


def _by_row(
    model: Model, written: Written, row: _Row, scope: str, scopes: Scopes
) -> Described | None:
    shape = written.shape
    if row.step is None:
        return _computed(model, written, row.leaf, scope, scopes)
    if row.step == "lookup":
        return scopes.name(scope, row.leaf), shape, None
    if row.step == "read":
        return _variable(model, written)
    if row.step == "added":
        return scopes.name(scope, _added_word(scope, scopes)), shape, ()
    if row.step == "norm":
        return _of_norm(model, written, scope, scopes)
    if row.step == "cell":
        return scopes.name(scope, _of_cell(written)), shape, ()
    if row.step == "conv1d" and len(shape) == 4:
        return _of_conv1d(written, scopes.name(scope, "kernel"))
    if row.step == "reshape":
        return _reshaped(written, scope, scopes)
    if row.step != "kernel":
        return scopes.name(scope, row.leaf), shape, ()
    to_last = keras.TO_LAST.get(len(shape))
    if to_last is None:
        return None
    return scopes.name(scope, row.leaf), shape_after(shape, (to_last,)), (to_last,)


def _computed(
    model: Model, written: Written, leaf: str, scope: str, scopes: Scopes
) -> Described | None:
    """What constant folding computed; ``Conv__62`` is tf2onnx's own word, not a layer's."""
    if scope.startswith("Conv__"):
        return None
    if leaf.endswith("kernel"):
        return _folded_kernel(model, written, scope, leaf, scopes) if scope else None
    return scopes.name(scope, leaf), without_ones(written.shape) or (1,), None


def _variable(model: Model, written: Written) -> Described:
    """A variable under its own name."""
    name = _OWN_NAME.sub("", written.name)
    consumer = next(consumers(model, written.stored), None)
    if consumer is None or not consumer.is_product or consumer.word != "weight":
        return name, written.shape, ()
    steps = keras.kernel(consumer.node, written.shape, False) or ()
    return name, shape_after(written.shape, steps), steps


def _of_norm(model: Model, written: Written, scope: str, scopes: Scopes) -> Described | None:
    """A norm's vector, by the slot that takes it; a norm that TensorFlow took apart subtracts from
    ``beta``.
    """
    consumer = next(consumers(model, written.stored), None)
    if consumer is None:
        return None
    leaf = _LEAVES_OF_NORM.get((consumer.node.op_type, consumer.slot))
    return None if leaf is None else (scopes.name(scope, leaf), written.shape, ())


def _of_conv1d(written: Written, name: str) -> Described:
    """A kernel of one dimension that TensorFlow gave a second of 1."""
    added = 2 if written.shape[2] == 1 else 3
    without = tuple(dim for axis, dim in enumerate(written.shape) if axis != added)
    steps: Steps = (Reshape(without), Permute((2, 1, 0)))
    return name, shape_after(written.shape, steps), steps


def _added_word(scope: str, scopes: Scopes) -> str:
    """The word for what a layer adds: a norm's, which multiplies too, or a bias."""
    multiplies = any(f"{scope}/mul_{at}/ReadVariableOp" in scopes.shapes for at in range(10))
    return "beta" if multiplies else "bias"


def _folded_kernel(
    model: Model, written: Written, scope: str, word: str, scopes: Scopes
) -> Described:
    """A kernel into which a norm was folded: its numbers are others, its shape is Keras' own."""
    consumer = next(consumers(model, written.stored), None)
    if consumer is None:
        return scopes.name(scope, word), written.shape, None
    leaf, shape = keras.folded(consumer.node, written.shape)
    return scopes.name(scope, leaf if word == "kernel" else word), shape, None


def _of_cell(written: Written) -> str:
    """The word for what a recurrent cell reads: the first product takes the kernel, the second the
    recurrent one; so do convolutions, which split both.
    """
    name, is_vector = written.name, len(written.shape) == 1
    if "/BiasAdd/" in name or (is_vector and "/split" in name):
        return "bias"
    is_first = any(word in name for word in ("/Cast/", "/MatMul/", "/split/"))
    return "kernel" if is_first else "recurrent_kernel"


def _reshaped(written: Written, scope: str, scopes: Scopes) -> Described | None:
    """A norm's vector brought to the rank of its input, or an attention's kernel whose heads were
    joined.
    """
    shape = written.shape
    ending = written.name.partition(":")[0].rpartition("/")[2]
    if len(shape) == 2 and min(shape) > 1:
        name = scopes.name(scope, "kernel")
        is_last = ending == "Reshape_1"
        heads = scopes.heads(scope, shape[0 if is_last else 1])
        if heads is None:
            return name, shape, ()
        whole = (*heads, shape[1]) if is_last else (shape[0], *heads)
        return name, whole, (Reshape(whole),)
    size = written.n_elements
    is_first = f"{scope}/Reshape" in scopes.shapes
    order = ["Reshape", "Reshape_1"] if is_first else ["Reshape_1", "Reshape_2"]
    if ending not in order:
        return None
    leaf = ("gamma", "beta")[order.index(ending)]
    return scopes.name(scope, leaf), (size,), (Reshape((size,)),)


def _have_factors(model: Model) -> bool:
    """Whether the model's batch norms have a factor of their own, as Keras' have by default: what
    multiplies the activation is then the second product.

    Source: tensorflow/python/ops/nn_impl.py, ``batch_normalization``: ``inv *= scale`` comes first
    where there is a scale.
    """
    first = False
    for node in model.main.nodes:
        for name in (node.name, *node.outputs):
            match = _PRODUCT.search(name)
            if match is not None and match[1]:
                return True
            first = first or match is not None
    return not first


def _folded_gamma(model: Model, written: Written, scopes: Scopes) -> list[Described]:
    """The factor of a norm that was folded into a convolution: the convolution's bias bears the
    norm's name.
    """
    for consumer in consumers(model, written.stored):
        bias = bias_of(model, consumer)
        match = _FOLDED_NORM.match(bias.name) if bias is not None else None
        if bias is not None and match is not None:
            return [(scopes.name(match["scope"], "gamma"), (bias.n_elements,), None)]
    return []


def hint(model: Model, tensor: StoredTensor) -> Hint | None:
    """What TensorFlow calls a constant: ``zeros/Const:0``, or ``scale/y:0``, an operand of an
    operator; variables are read. What tf2onnx folded and only the shape is asked of is none either.
    """
    if not scopes_of(model).is_tensorflow:
        return None
    name = name_before(tensor.name)
    if _OPERAND.search(name) or (tensor.count <= 1 and _CONSTANT.search(name)):
        because = "TensorFlow gives such names to its constants; variables are read"
        return Hint(False, "tensorflow-constant", because)
    if tensor.count == 1 and tensor.dtype.is_float and _VARIABLE.search(name):
        return Hint(True, "norm-by-name", "TensorFlow read it as a variable, by its name")
    if _FACTOR.search(name):
        because = "TensorFlow computed it from a norm's statistics, by its name"
        return Hint(False, "tensorflow-constant", because, is_buffer=True)
    if _LITE.fullmatch(name) and (tensor.count <= 1 or is_zeros(tensor)):
        because = "TensorFlow Lite's converter gives such names to constants of its own"
        return Hint(False, "tensorflow-constant", because)
    if name.startswith(_FOLDED) and _gives_shape_alone(model, tensor):
        because = "tf2onnx computed it, and nodes ask its shape alone"
        return Hint(False, "tensorflow-constant", because)
    return None


def _gives_shape_alone(model: Model, tensor: StoredTensor) -> bool:
    uses = model.def_use.uses(tensor.key)
    return bool(uses) and all(
        use.node is not None and use.node.op_type in _ASKS_SHAPE for use in uses
    )


def is_variable(model: Model, tensor: StoredTensor) -> bool:
    """Whether a tensor is named as a variable that was read, or as a norm's vector that Keras
    brought to the rank of its input.
    """
    if not scopes_of(model).is_tensorflow:
        return False
    name = name_before(tensor.name).partition(":")[0]
    if _VARIABLE.search(name) is not None:
        return True
    if _LOOKED_UP.search(name) is not None:
        return not has_waves(tensor)
    is_vector = sum(dim > 1 for dim in tensor.shape) == 1
    return is_vector and name.rpartition("/")[2] in ("Reshape", "Reshape_1", "Reshape_2")
