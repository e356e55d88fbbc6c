"""Name what converters store under words of their own: a row a convention, by the producer that
writes it.

Nothing here is certain: a converter's word is not a variable's name. Where a converter loses the
layers' names (Core ML's, CNTK's), its counters stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Final, NamedTuple

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.consumers import Consumer, consumers
from onnx_params.dataflow.walk import stored_behind
from onnx_params.idioms import keras
from onnx_params.idioms.naming import Evidence, Hint, Naming, inferred
from onnx_params.tensors.steps import Key, Reshape, Shape, Steps
from onnx_params.tensors.stored import StoredTensor


class _Row(NamedTuple):
    """What a producer stores under a name of this form, for these operators (any if none), is
    called ``name``: the pattern's groups, and ``{node}``.

    ``layout`` says how it lies: as it is, as Keras' kernels are permuted for ONNX, or computed with
    others.
    """

    producer: str
    stored: re.Pattern[str]
    name: str
    operators: frozenset[str] = frozenset()
    layout: str = "as it is"

    def is_for(self, consumer: Consumer | None) -> bool:
        """Whether the row is for the operator that takes a tensor."""
        if not self.operators:
            return True
        return consumer is not None and consumer.node.op_type in self.operators


_CONV: Final = frozenset({"Conv", "ConvTranspose"})
_NORM: Final = frozenset({"BatchNormalization"})


def _row(
    producer: str,
    stored: str,
    name: str,
    operators: frozenset[str] = frozenset(),
    layout: str = "as it is",
) -> _Row:
    return _Row(producer, re.compile(stored), name, operators, layout)


_KERAS: Final = "keras2onnx"
_COREML: Final = "OnnxMLTools"
_ROWS: Final = (
    # keras-onnx 1.7: keras2onnx/ke2onnx/{conv,dense,embedding,batch_norm}.py; folded by
    # onnxconverter-common's ConvBatchNormSolution (optimizer.py)
    _row(
        _KERAS, r"(?P<layer>.+)/(?P<leaf>depthwise_kernel):0", "{layer}/{leaf}", _CONV, "depthwise"
    ),
    _row(_KERAS, r"(?P<layer>.+)/(?P<leaf>kernel):0", "{layer}/{leaf}", _CONV, "kernel"),
    _row(_KERAS, r"(?P<layer>.+)/(?P<leaf>\w+):0", "{layer}/{leaf}"),
    _row(_KERAS, r"W\d*", "{node}/pointwise_kernel", _CONV, "separable"),
    _row(_KERAS, r"B\d*", "{node}/bias", _CONV, "separable"),
    _row(_KERAS, r"scale\d*", "{node}/gamma", _NORM, "folded"),
    _row(_KERAS, r"bias\d*", "{node}/beta", _NORM, "folded"),
    _row(_KERAS, r"(?P<layer>.+)_W_new", "{layer}/kernel", _CONV, "folded kernel"),
    _row(_KERAS, r"(?P<layer>.+)_B_new", "{layer}/bias", _CONV, "folded"),
    # onnx-chainer: export.py (RenameVariable), ``param_`` and the path with slashes as underscores;
    # functions/connection.py for the zeros
    _row("Chainer", r"param_(?P<path>.+)_(?P<leaf>W|b|gamma|beta)", "{path}/{leaf}"),
    # onnxmltools: convert/coreml/operator_converters/neural_network; words of NeuralNetwork.proto.
    # The layers' names are lost
    _row(_COREML, r"(?P<layer>convolution\d*)_W", "{layer}/weights"),
    _row(_COREML, r"(?P<layer>convolution\d*)_B", "{layer}/bias"),
    _row(_COREML, r"(?P<layer>innerProduct\d*)_B", "{layer}/weights"),
    _row(_COREML, r"(?P<layer>innerProduct\d*)_C", "{layer}/bias"),
    _row(_COREML, r"BatchNormalization_scale(?P<at>\d*)", "batchnorm{at}/gamma"),
    _row(_COREML, r"BatchNormalization_B(?P<at>\d*)", "batchnorm{at}/beta"),
    _row(_COREML, r"Mul_B(?P<at>\d*)", "scale{at}/scale"),
    _row(_COREML, r"scale(?P<at>\d*)_B", "scale{at}/bias"),
    # caffe2/python/onnx/frontend.py: names get the number of their assignment (_ssa_rewrite), which
    # for what is never assigned is 0
    _row("onnx-caffe2", r"(?P<name>.+_(?:w|b|s|rm|riv))_0", "{name}"),
    # ML.NET: OnnxConverter of KMeansClustering, PrincipalComponentAnalysis, WordEmbedding
    _row("ML.NET", r"C", "centroids"),
    _row("ML.NET", r"principalComponents", "eigenvectors"),
    _row("ML.NET", r"WordEmbeddingWeights", "embeddings"),
)
# what converters invent: zeros where a layer has no bias; constants of their own (paddle2onnx,
# mapper/onnx_helper.h, whose files have no producer)
_INVENTED: Final = (
    ("Chainer", r"[A-Z]\w*_\d+_param_\w+"),
    ("", r"(?:p2o\.)?helper\.constant\.\d+"),
    # operators of Paddle's that make a tensor of none, and those of rotations
    ("", r"p2o\.pd_op\.(?:full(?:_like)?|assign_value_?|arange|eye|triu?l?|cos|sin)\.\d+\.\d+"),
)
# paddle/python/paddle/base/unique_name.py: <kind>_<n>.w_0, and .b_0 beside it
_PADDLE: Final = re.compile(r"(?P<layer>\w+_\d+)\.w_0")
_LEARNED_BY_PADDLE: Final = re.compile(r"(?!batch_norm)\w+_\d+\.[wb]_\d+")
# jax2onnx, ``converter/ir_builder.py`` and ``plugins/jax/lax/broadcast_in_dim.py``: what is closed
# over, or broadcast to the shape of a result, has no name of its own
_OF_JAX2ONNX: Final = re.compile(r"(?:const|bcast_out)_\d+")


def namings(model: Model, tensors: Iterable[StoredTensor]) -> dict[Key, list[Naming]]:
    """Names of what a row knows, by key.

    Reads attributes of the convolutions and cells that take it.
    """
    listed = list(tensors)
    rows = [row for row in _ROWS if row.producer in model.producer_name]
    found: dict[Key, list[Naming]] = {}
    for tensor in listed:
        claim = _described(model, tensor, rows) or _beside_paddle(model, tensor)
        if claim is not None:
            found[tensor.key] = [claim]
    return found


def hint(model: Model, tensor: StoredTensor) -> Hint | None:
    """Names that the model's converter makes up, for what no framework had; of single numbers,
    Paddle's for parameters.
    """
    if tensor.count == 1 and _LEARNED_BY_PADDLE.fullmatch(tensor.name) is not None:
        return Hint(True, "named-scalar", "Paddle gives such names to parameters")
    if _invented(model.producer_name).fullmatch(tensor.name) is None:
        return None
    return Hint(False, "invented", "the converter gives such names to constants of its own")


def is_of_jax2onnx(model: Model, tensor: StoredTensor) -> bool:
    """Whether jax2onnx made up the name of a tensor, which it may have broadcast to the shape of a
    result.
    """
    return model.producer_name == "jax2onnx" and _OF_JAX2ONNX.fullmatch(tensor.name) is not None


@cache
def _invented(producer_name: str) -> re.Pattern[str]:
    return re.compile("|".join(form for name, form in _INVENTED if name in producer_name))


def _described(model: Model, tensor: StoredTensor, rows: list[_Row]) -> Naming | None:
    consumer = next(consumers(model, tensor), None) if rows else None
    if (
        consumer is not None
        and _KERAS in model.producer_name
        and consumer.node.op_type in keras.CELLS
    ):
        return _of_cell(model, tensor, consumer)
    for row in rows:
        match = row.stored.fullmatch(tensor.name)
        if match is not None and row.is_for(consumer):
            naming = _by_row(model, tensor, row, match, consumer)
            if naming is not None:
                return naming
    return None


def _of_cell(model: Model, tensor: StoredTensor, consumer: Consumer) -> Naming | None:
    """What a recurrent layer of Keras' stores, by its operator's input."""
    node = consumer.node
    made = keras.cell(node, consumer.slot, tensor.shape)
    if made is None or not node.name:
        return None
    leaf, steps = made
    return _named(model, tensor, f"{node.name}/{keras.CELLS[node.op_type]}/{leaf}", steps)


def _by_row(
    model: Model,
    tensor: StoredTensor,
    row: _Row,
    match: re.Match[str],
    consumer: Consumer | None,
) -> Naming | None:
    """The name that a row gives; ``None`` where that is an operator's, which has none."""
    if row.layout == "folded kernel" and consumer is not None:
        leaf, shape = keras.folded(consumer.node, tensor.shape)
        return _named(model, tensor, f"{match['layer']}/{leaf}", None, shape)
    steps = _steps(row, tensor, consumer)
    node = consumer.node.name if consumer is not None else ""
    if row.layout == "separable":
        node = node.removesuffix("1")  # the second of its two convolutions
    if "{node}" in row.name and not node:
        return None
    return _named(model, tensor, row.name.format(node=node, **match.groupdict()), steps)


def _named(
    model: Model, tensor: StoredTensor, name: str, steps: Steps | None, shape: Shape | None = None
) -> Naming:
    return inferred(
        tensor,
        name,
        steps,
        Evidence.STORED_NAME,
        f"{model.producer_name} calls it '{tensor.name}'",
        shape,
    )


def _steps(row: _Row, tensor: StoredTensor, consumer: Consumer | None) -> Steps | None:
    if row.layout == "folded":
        return None
    if consumer is None or row.layout == "as it is" or len(tensor.shape) < 3:
        return ()
    return keras.kernel(consumer.node, tensor.shape, row.layout == "depthwise") or ()


def _beside_paddle(model: Model, tensor: StoredTensor) -> Naming | None:
    """A bias that paddle2onnx brought to the rank of a convolution's result and renamed, by the
    weight's name.
    """
    if not tensor.name.startswith(("p2o.", "helper.", "auto.")):
        return None
    for consumer in consumers(model, tensor):
        if consumer.node.op_type != "Add" or len(consumer.node.inputs) != 2:
            continue
        product = (
            model.def_use.producer(
                model.def_use.resolve(consumer.graph, consumer.node.inputs[1 - consumer.slot])
            )
            if consumer.slot < 2
            else None
        )
        if (
            product is None
            or product.op_type not in ("Conv", "ConvTranspose", "MatMul")
            or len(product.inputs) < 2
        ):
            continue
        weight = stored_behind(model, consumer.graph, product.inputs[1])
        match = _PADDLE.fullmatch(weight.name) if weight is not None else None
        if match is not None:
            steps: Steps = () if len(tensor.shape) == 1 else (Reshape((tensor.count,)),)
            return inferred(
                tensor,
                f"{match['layer']}.b_0",
                steps,
                Evidence.SIBLING,
                f"it is added to what '{match[0]}' makes",
            )
    return None
