"""More artifacts of frameworks other than torch, held out: Keras of both generations, TensorFlow's
graphs and modules, Sonnet, JAX's libraries, Paddle, MXNet, Chainer, estimators and trees,
graphs that are written by hand from arrays, each beside the checkpoint that its users save.

Every weight is drawn with numpy, but for what is fitted. Where onnxruntime runs an artifact, its
outputs are held against those of the framework: one that does not follow them is not kept. Cases
are built in three environments: ``wider-fw`` (Keras, TensorFlow, JAX), ``wider-fw2`` (Paddle,
estimators, trees) and ``wider-fw3`` (MXNet and Chainer, which want an older numpy).
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple
from unittest.mock import patch

import numpy as np
import onnx

from wild import other_frameworks as other
from wild.other_frameworks import Array, Made, Write
from wild.workshop import Builder, make

# --- what is done to an artifact before it ships


def _upgraded(source: Path, target: Path, inputs: Path) -> None:
    """The converter of versions of onnx."""
    versions: Any = import_module("onnx.version_converter")
    onnx.save(versions.convert_version(onnx.load(source), 19), target)


def _inferred(source: Path, target: Path, inputs: Path) -> None:
    """What onnxruntime's quantizers ask for beforehand."""
    tool: Any = import_module("onnxruntime.quantization.shape_inference")
    tool.quant_pre_process(str(source), str(target), skip_symbolic_shape=True)


def _unsigned(source: Path, target: Path, inputs: Path) -> None:
    """Quantized as it runs, weights by channel, of no sign."""
    tool: Any = import_module("onnxruntime.quantization")
    tool.quantize_dynamic(source, target, per_channel=True, weight_type=tool.QuantType.QUInt8)


def _outside(source: Path, target: Path, inputs: Path) -> None:
    """Half precision from end to end."""
    tool: Any = import_module("onnxruntime.transformers.float16")
    held = tool.convert_float_to_float16(onnx.load(source), op_block_list=["Resize"])
    onnx.save(held, target)


_MORE: Final = {
    "opset19": _upgraded,
    "prepared": _inferred,
    "int8-channels-unsigned": _unsigned,
    "fp16-whole": _outside,
}
_SHIPPED: Final[Mapping[tuple[str, ...], str]] = {  # what is done to the exports of which cases
    ("prepared+int8-qoperator", "onnxsim+fp16"): """
        keras-conv_mixer mxnet-perceptron chainer-perceptron paddle-ernie written-helper
    """,
    ("prepared+int8-qoperator",): "graph-pictures sonnet-mlp hub-xception tf-hub-bert",
    ("opset19", "int8-channels-unsigned"): """
        keras-compact chainer-turned paddle-recurrent written-script
    """,
    ("opset19",): "graph-recurrent jax-linen-vae tf-hub-distilbert",
    ("onnxslim", "prepared+int8-channels-unsigned"): """
        chainer-rated paddle-normed written-spox-cnn
    """,
    ("onnxslim",): "fitted-stacked hub-bloom",
    ("fp16-whole", "int4"): "mxnet-resnet paddle-reader",
    ("fp16-whole",): "keras-points hub-mixtral",
    ("onnxslim+int8-qdq-channels", "ort-all+fp16-common"): """
        mxnet-mobilenet paddle-mobilenet_v3_large
    """,
    ("onnxslim+int8-qdq-channels",): "keras-radiance",
    ("onnxslim+int4-qdq", "ort-extended"): "mxnet-tanh_rnn paddle-squeezenet_old",
}


@contextmanager
def _widened() -> Iterator[None]:
    """Earlier builders with the steps of this module."""
    slacks = {"int4": 0.8, "int8": 0.6, "fp16": 0.1}
    held, rounded = dict(other._STEPS) | _MORE, {**other._SLACKS, **slacks}
    with patch.object(other, "_STEPS", held), patch.object(other, "_SLACKS", rounded):
        yield


def _finish(made: Made, steps: Sequence[str], folder: Path) -> None:
    """As the earlier builders finish, with more steps."""
    with _widened():
        other._finish(made, steps, folder)


# --- Keras 3


class Keras(NamedTuple):
    """A model of Keras: what makes it, its inputs (shapes, or arrays), the layout of its
    checkpoint, its exporters.
    """

    build: Callable[[Any], Any]
    inputs: Sequence[Any]
    form: str
    exporters: str


def _unpacked(archive: Path, path: Path) -> None:
    """What tf2onnx makes of large models: a graph, and its weights outside of it."""
    with zipfile.ZipFile(archive) as file:
        file.extractall(path.parent)
    path.with_name("__MODEL_PROTO.onnx").rename(path)


def _erfc(ctx: Any, node: Any, name: str, args: Any) -> None:
    """A handler, as tf2onnx's documentation has them, for what gelu is made of."""
    erf = ctx.make_node("Erf", node.input)
    one = ctx.make_const(f"{name}/one", np.array(1, np.float32))
    node.type, node.domain = "Sub", ""
    ctx.replace_inputs(node, [one.output[0], erf.output[0]])


def _function_exports(
    call: Callable[..., Any], feeds: Sequence[Array], names: Sequence[str]
) -> dict[str, Write]:
    """Ways of a function of TensorFlow."""
    tf: Any = import_module("tensorflow")
    specs = other._specs(feeds, names)
    traced = tf.function(call, input_signature=specs)

    def function(path: Path, **given: Any) -> None:
        convert: Any = import_module("tf2onnx.convert")
        given = {"custom_op_handlers": {"Erfc": (_erfc, [])}, **given}
        convert.from_function(tf.function(call), specs, output_path=str(path), **given)

    def large(path: Path) -> None:
        with tempfile.TemporaryDirectory() as work:
            function(Path(work) / "model.zip", large_model=True, opset=15)
            _unpacked(Path(work) / "model.zip", path)

    def frozen(path: Path) -> None:
        fixed = import_module("tensorflow.python.framework.convert_to_constants")
        graph = fixed.convert_variables_to_constants_v2(traced.get_concrete_function())
        convert: Any = import_module("tf2onnx.convert")
        convert.from_graph_def(
            graph.graph.as_graph_def(),
            input_names=[each.name for each in graph.inputs],
            output_names=[each.name for each in graph.outputs],
            opset=14,
            output_path=str(path),
            custom_op_handlers={"Erfc": (_erfc, [])},
        )

    def saved(path: Path, *words: str) -> None:
        holder = tf.Module()
        holder.call = traced
        with tempfile.TemporaryDirectory() as work:
            fixed = traced.get_concrete_function()
            holder.kept = list(fixed.variables)
            tf.saved_model.save(holder, f"{work}/saved", signatures=fixed)
            other._command("--saved-model", f"{work}/saved", "--output", str(path), *words)

    def light(path: Path, form: str) -> None:
        fixed = traced.get_concrete_function()
        converter = tf.lite.TFLiteConverter.from_concrete_functions([fixed])
        words = ["--opset", "16"]
        if form != "plain":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if form.startswith("whole"):
            converter.representative_dataset = lambda: iter([[*feeds]])
        if form == "whole-dequantized":
            words.append("--dequantize")
        with tempfile.TemporaryDirectory() as work:
            Path(work, "model.tflite").write_bytes(converter.convert())
            other._command("--tflite", f"{work}/model.tflite", "--output", str(path), *words)

    turned = [name for name, each in zip(names, feeds, strict=True) if each.ndim == 4]
    return {
        **{
            f"function-opset{opset}": partial(function, opset=opset)
            for opset in (11, 12, 14, 15, 16)
        },
        "function-nchw": partial(function, inputs_as_nchw=turned, opset=15),
        "large": large,
        "frozen": frozen,
        "saved": partial(saved),
        "saved-opset11": lambda path: saved(path, "--opset", "11"),
        "lite": partial(light, form="plain"),
        "lite-int8": partial(light, form="whole"),
        "lite-int8-dequantized": partial(light, form="whole-dequantized"),
    }


def _save_keras(model: Any, form: str, folder: Path) -> None:
    """A checkpoint as Keras writes it, of more kinds than the earlier cases have."""
    if form == "unzipped":
        keras: Any = import_module("keras")
        keras.saving.save_model(model, other._emptied(folder / "ref"), zipped=False)
    elif form == "trained":
        model.compile(optimizer="adam", loss="mse")
        model.optimizer.build(model.trainable_variables)
        model.save(folder / "ref.keras")
    elif form == "h5-trained":
        model.compile(optimizer="rmsprop", loss="mse")
        model.optimizer.build(model.trainable_variables)
        model.save(folder / "ref.h5")
    elif form == "checkpoint":
        tf: Any = import_module("tensorflow")
        saved = tf.train.Checkpoint(model=model)
        saved.save(str(other._emptied(folder / "ref") / "ckpt"))
    elif form == "tf-saved":
        tf = import_module("tensorflow")
        tf.saved_model.save(model, str(other._emptied(folder / "ref")))
    else:
        other._save_keras(model, form, folder)


def _build_keras(title: str, case: Keras, steps: Sequence[str], folder: Path) -> None:
    """A case of Keras: its model, truth, checkpoint and exports."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    keras: Any = import_module("keras")
    keras.utils.set_random_seed(11)
    draw = other._seeded(title)
    model = case.build(keras)
    feeds = other._fed(case.inputs, draw)
    model(other._given(model, feeds))
    other._fill_keras(model, draw)
    answer = model(other._given(model, feeds), training=False)
    wanted = [keras.ops.convert_to_numpy(each) for each in keras.tree.flatten(answer)]
    _save_keras(model, case.form, folder)
    inputs = getattr(model, "inputs", None) or ()
    names = [each.name for each in inputs] or [f"input_{at}" for at in range(len(feeds))]

    def call(*values: Any) -> Any:
        return model(other._given(model, values), training=False)

    every = {**other._keras_exports(model, feeds), **_function_exports(call, feeds, names)}
    made = Made(
        [(each.path, tuple(each.shape)) for each in model.trainable_weights],
        feeds,
        wanted,
        {name: every[name] for name in case.exporters.split()},
        frozenset({"function-nchw"}),
        2e-3,
        [each.name for each in inputs],
    )
    _finish(made, steps, folder)


# --- Keras 3: models


def _conv_mixer(k: Any) -> Any:
    """Depthwise and pointwise convolutions in turn, each with a norm after the activation."""
    layers = k.layers

    def after(held: Any) -> Any:
        return layers.BatchNormalization()(layers.Activation(k.ops.gelu)(held))

    given = k.Input((16, 16, 3))
    held = after(layers.Conv2D(24, 2, strides=2)(layers.Rescaling(1.0 / 255)(given)))
    for _ in range(3):
        told = after(layers.DepthwiseConv2D(5, padding="same")(held))
        held = after(layers.Conv2D(24, 1)(layers.Add()([told, held])))
    return k.Model(given, layers.Dense(7, "softmax")(layers.GlobalAvgPool2D()(held)))


def _gated_mlp(k: Any) -> Any:
    """Units that gate one half of channels by the other, mixed along places."""
    layers, ops = k.layers, k.ops

    class Gate(layers.Layer):  # type: ignore[misc, name-defined]
        def __init__(self, patches: int, width: int, **rest: Any) -> None:
            super().__init__(**rest)
            self.channel1 = k.Sequential([layers.Dense(width * 2, activation=ops.gelu)])
            self.channel2 = layers.Dense(width)
            self.spatial = layers.Dense(patches, bias_initializer="ones")
            self.norm1 = layers.LayerNormalization(epsilon=1e-6)
            self.norm2 = layers.LayerNormalization(epsilon=1e-6)

        def call(self, held: Any) -> Any:
            one, two = ops.split(self.channel1(self.norm1(held)), 2, axis=-1)
            two = ops.transpose(self.norm2(two), (0, 2, 1))
            two = ops.transpose(self.spatial(two), (0, 2, 1))
            return held + self.channel2(one * two)

    given = k.Input((16, 16, 3))
    held = layers.Reshape((16, 48))(given)
    held = layers.Dense(24)(held)
    for at in range(3):
        held = Gate(16, 24, name=f"gmlp_{at}")(held)
    return k.Model(given, layers.Dense(5)(layers.GlobalAveragePooling1D()(held)))


def _compact(k: Any) -> Any:
    """A compact transformer: convolutions for tokens, a pool that learns what to look at."""
    layers, ops = k.layers, k.ops

    class Pool(layers.Layer):  # type: ignore[misc, name-defined]
        def __init__(self, **rest: Any) -> None:
            super().__init__(**rest)
            self.attention = layers.Dense(1)

        def call(self, held: Any) -> Any:
            scores = ops.softmax(self.attention(held), axis=1)
            told = ops.matmul(ops.transpose(scores, (0, 2, 1)), held)
            return ops.squeeze(told, -2)

    class Places(layers.Layer):  # type: ignore[misc, name-defined]
        def build(self, shape: Any) -> None:
            self.table = self.add_weight(shape=(shape[-2], shape[-1]), name="embeddings")

        def call(self, held: Any) -> Any:
            return held + ops.broadcast_to(self.table, ops.shape(held))

    given = k.Input((16, 16, 3))
    held = given
    for width in (12, 24):
        held = layers.Conv2D(width, 3, padding="valid", use_bias=False, activation="relu")(
            layers.ZeroPadding2D(1)(held)
        )
        held = layers.MaxPooling2D(3, 2, "same")(held)
    held = Places()(layers.Reshape((16, 24))(held))
    for _ in range(2):
        told = layers.LayerNormalization(epsilon=1e-5)(held)
        held = layers.Add()([layers.MultiHeadAttention(2, 24, dropout=0.1)(told, told), held])
        told = layers.LayerNormalization(epsilon=1e-5)(held)
        for width in (48, 24):
            told = layers.Dropout(0.1)(layers.Dense(width, activation=ops.gelu)(told))
        held = layers.Add()([told, held])
    held = Pool()(layers.LayerNormalization(epsilon=1e-5)(held))
    return k.Model(given, layers.Dense(6)(held))


def _external(k: Any) -> Any:
    """Attention to memories that are weights."""
    layers, ops = k.layers, k.ops
    given = k.Input((12, 24))
    held = given
    for _ in range(2):
        told = layers.LayerNormalization(epsilon=1e-5)(held)
        told = ops.reshape(layers.Dense(96)(told), (-1, 12, 8, 12))
        told = layers.Dense(6)(ops.transpose(told, (0, 2, 1, 3)))
        told = layers.Activation("softmax")(told)
        told = layers.Dense(12)(told / (1e-9 + ops.sum(told, -2, keepdims=True)))
        told = ops.reshape(ops.transpose(told, (0, 2, 1, 3)), (-1, 12, 96))
        held = layers.add([layers.Dense(24)(told), held])
        told = layers.Dense(24)(layers.Dense(48, ops.gelu)(layers.LayerNormalization()(held)))
        held = layers.add([told, held])
    return k.Model(given, layers.Dense(4)(layers.GlobalAveragePooling1D()(held)))


def _involution(k: Any) -> Any:
    """Kernels that are made of the picture."""
    layers, ops = k.layers, k.ops

    class Involution(layers.Layer):  # type: ignore[misc, name-defined]
        def __init__(self, width: int, groups: int, **rest: Any) -> None:
            super().__init__(**rest)
            self.width, self.groups = width, groups
            self.kernel_gen = k.Sequential(
                [
                    layers.Conv2D(width // 2, 1),
                    layers.BatchNormalization(),
                    layers.ReLU(),
                    layers.Conv2D(9 * groups, 1),
                ]
            )

        def call(self, held: Any) -> Any:
            _, high, wide, _ = held.shape
            weights = ops.reshape(self.kernel_gen(held), (-1, high, wide, 9, 1, self.groups))
            padded = ops.pad(held, [[0, 0], [1, 1], [1, 1], [0, 0]])
            cuts = [padded[:, y : y + high, x : x + wide, :] for y in range(3) for x in range(3)]
            told = ops.stack(cuts, 3)
            told = ops.reshape(told, (-1, high, wide, 9, self.width // self.groups, self.groups))
            return ops.reshape(ops.sum(told * weights, 3), (-1, high, wide, self.width))

    given = k.Input((12, 12, 4))
    held = layers.ReLU()(Involution(4, 2, name="inv_1")(given))
    held = layers.MaxPooling2D(2)(held)
    held = layers.ReLU()(Involution(4, 1, name="inv_2")(held))
    held = layers.Dense(24, activation="relu")(layers.Flatten()(held))
    return k.Model(given, layers.Dense(5)(held))


def _points(k: Any) -> Any:
    """Clouds of points that a small network turns before the large one sees them."""
    layers = k.layers

    def along(held: Any, width: int) -> Any:
        held = layers.Conv1D(width, 1, padding="valid")(held)
        return layers.Activation("relu")(layers.BatchNormalization(momentum=0.0)(held))

    def dense(held: Any, width: int) -> Any:
        held = layers.BatchNormalization(momentum=0.0)(layers.Dense(width)(held))
        return layers.Activation("relu")(held)

    def turned(held: Any, size: int) -> Any:
        told = layers.GlobalMaxPooling1D()(along(along(held, 16), 24))
        told = layers.Dense(size * size)(dense(told, 16))
        return layers.Dot(axes=(2, 1))([held, layers.Reshape((size, size))(told)])

    given = k.Input((20, 3))
    held = along(along(turned(given, 3), 12), 12)
    held = layers.GlobalMaxPooling1D()(along(turned(held, 12), 24))
    held = layers.Dropout(0.3)(dense(held, 16))
    return k.Model(given, layers.Dense(4, activation="softmax")(held), name="pointnet")


def _curves(k: Any) -> Any:
    """Light that is found by curves: skips that are joined, an output that is cut in parts."""
    layers, ops = k.layers, k.ops
    given = k.Input((16, 16, 3))
    held, skips = given, []
    for _ in range(4):
        held = layers.Conv2D(12, 3, activation="relu", padding="same")(held)
        skips.append(held)
    for at in (2, 1):
        held = layers.Concatenate()([skips[at], held])
        held = layers.Conv2D(12, 3, activation="relu", padding="same")(held)
    curves = layers.Conv2D(12, 3, activation="tanh", padding="same")(
        layers.Concatenate()([skips[0], held])
    )
    light = given
    for at in range(4):
        light = light + curves[..., 3 * at : 3 * at + 3] * (ops.square(light) - light)
    return k.Model(given, [light, curves])


def _radiance(k: Any) -> Any:
    """Points told by waves, many layers with one skip."""
    layers, ops = k.layers, k.ops
    given = k.Input((6, 3))
    waves = [given]
    for power in range(4):
        waves += [ops.sin(given * 2.0**power), ops.cos(given * 2.0**power)]
    start = layers.Concatenate()(waves)
    held = start
    for at in range(6):
        held = layers.Dense(32, activation="relu")(held)
        if at % 4 == 0 and at > 0:
            held = layers.concatenate([held, start], axis=-1)
    return k.Model(given, layers.Dense(4)(held))


def _coupled(k: Any) -> Any:
    """A flow of coupled layers, each with two networks, a mask that changes sides."""
    layers, ops = k.layers, k.ops

    def coupling(at: int) -> Any:
        given = k.Input((4,))
        ends = []
        for final in ("tanh", "linear"):
            held = given
            for _ in range(2):
                held = layers.Dense(16, "relu", kernel_regularizer="l2")(held)
            ends.append(layers.Dense(4, final)(held))
        return k.Model(given, ends, name=f"coupling_{at}")

    class Flow(k.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.masks = np.array([[0, 1, 0, 1], [1, 0, 1, 0]] * 2, np.float32)
            self.layers_list = [coupling(at) for at in range(4)]

        def call(self, held: Any) -> Any:
            total = 0.0
            for at in reversed(range(4)):
                mask = self.masks[at]
                scale, move = self.layers_list[at](held * mask)
                scale, move = scale * (1 - mask), move * (1 - mask)
                held = (1 - mask) * (held * ops.exp(-scale) - move * ops.exp(-scale)) + held * mask
                total = total - ops.sum(scale, -1)
            return held, total

    return Flow()


def _columns(k: Any) -> Any:
    """A transformer of categories beside numbers: a table a column, and one for columns."""
    layers, ops = k.layers, k.ops
    kinds, numbers = k.Input((4,), dtype="int32", name="kinds"), k.Input((5,), name="numbers")
    words = [layers.Embedding(7, 16, name=f"column_{at}")(kinds[:, at]) for at in range(4)]
    held = ops.stack(words, axis=1)
    held = held + layers.Embedding(4, 16)(ops.arange(0, 4, 1))
    for at in range(2):
        seen = layers.MultiHeadAttention(4, 16, dropout=0.2, name=f"multihead_{at}")(held, held)
        told = layers.LayerNormalization(epsilon=1e-6)(layers.Add()([seen, held]))
        up = layers.Dense(16, activation=ops.gelu)(told)
        held = layers.LayerNormalization(epsilon=1e-6)(layers.Add()([up, told]))
    held = layers.Concatenate()(
        [layers.Flatten()(held), layers.LayerNormalization(epsilon=1e-6)(numbers)]
    )
    for width in (24, 12):
        held = layers.Dense(width, activation="selu")(layers.BatchNormalization()(held))
    return k.Model([kinds, numbers], layers.Dense(1, activation="sigmoid")(held))


_POINTS: Final = (2, 20, 3)


def _hubbed(kind: str, **given: Any) -> Callable[[Any], Any]:
    """A model of KerasHub."""
    return other._hub(kind, **given)


_KERAS: Final[Mapping[str, Keras]] = {
    "conv_mixer": Keras(_conv_mixer, [(2, 16, 16, 3)], "trained", "keras large"),
    "gated_mlp": Keras(_gated_mlp, [(2, 16, 16, 3)], "unzipped", "keras frozen"),
    "compact": Keras(_compact, [(2, 16, 16, 3)], "h5-trained", "keras saved-opset11"),
    "external": Keras(_external, [(2, 12, 24)], "keras", "keras function-opset12"),
    "involution": Keras(_involution, [(2, 12, 12, 4)], "checkpoint", "keras function-nchw frozen"),
    "points": Keras(_points, [_POINTS], "h5-trained", "keras function-opset11 lite-int8"),
    "curves": Keras(_curves, [(2, 16, 16, 3)], "checkpoint", "keras lite-int8-dequantized saved"),
    "radiance": Keras(_radiance, [(2, 6, 3)], "tf-saved", "keras function-opset14"),
    "coupled": Keras(_coupled, [(3, 4)], "weights", "keras function-opset16"),
    "columns": Keras(_columns, [other._ids(7, 3, 4), (3, 5)], "unzipped", "keras saved-opset11"),
}


# --- TensorFlow's graphs of the first generation


class Graph(NamedTuple):
    """A graph with variables in scopes, its inputs, the layout of its checkpoint."""

    build: Callable[..., Any]
    inputs: Sequence[Any]
    form: str = "saver"
    exporters: str = "checkpoint graphdef saved"


def _keep_graph(session: Any, places: Sequence[Any], answer: Any, work: str) -> None:
    """A session's graph in the three forms that tf2onnx's command takes."""
    v1: Any = import_module("tensorflow").compat.v1
    v1.train.Saver().save(session, f"{work}/model.ckpt")
    util = v1.graph_util
    held = util.convert_variables_to_constants(session, session.graph_def, [answer.op.name])
    Path(work, "frozen.pb").write_bytes(held.SerializeToString())
    given = {f"in_{at}": each for at, each in enumerate(places)}
    v1.saved_model.simple_save(session, f"{work}/saved", given, {"out": answer})


def _graph_exports(work: str, names: Sequence[str], turned: str, answer: str) -> dict[str, Write]:
    """The ways that tf2onnx's command has for graphs."""
    ends = ["--inputs", ",".join(names), "--outputs", answer]
    sources = {
        "checkpoint": ["--checkpoint", f"{work}/model.ckpt.meta", *ends, "--opset", "13"],
        "graphdef": ["--graphdef", f"{work}/frozen.pb", *ends],
        "saved": ["--saved-model", f"{work}/saved", "--tag", "serve", "--opset", "15"],
    }
    sources["graphdef-nchw"] = [*sources["graphdef"], "--inputs-as-nchw", turned, "--opset", "14"]

    def write(words: Sequence[str], path: Path) -> None:
        other._command(*words, "--output", str(path))

    return {name: partial(write, words) for name, words in sources.items()}


def _build_graph(title: str, case: Graph, steps: Sequence[str], folder: Path) -> None:
    """A graph of a session: its checkpoint, and what the command makes of its three forms."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    tf: Any = import_module("tensorflow")
    v1 = tf.compat.v1
    draw = other._seeded(title)
    feeds = other._fed(case.inputs, draw)
    with tempfile.TemporaryDirectory() as work:
        with tf.Graph().as_default(), v1.Session() as session:
            places = [
                v1.placeholder(each.dtype, [None, *each.shape[1:]], name=f"x{at}")
                for at, each in enumerate(feeds)
            ]
            answer = tf.identity(case.build(v1, *places), name="answer")
            trained = list(v1.trainable_variables())
            if case.form == "training":
                v1.train.get_or_create_global_step()
                v1.train.AdamOptimizer(0.001).minimize(tf.reduce_mean(answer))
            session.run(v1.global_variables_initializer())
            for variable in v1.global_variables():
                if variable.dtype.base_dtype == tf.float32:
                    name = variable.op.name
                    variable.load(other._drawn(name, variable.shape, draw, False), session)
            _keep_graph(session, places, answer, work)
            other._emptied(folder / "ref").mkdir()
            if case.form == "saved_model":
                shutil.copytree(f"{work}/saved", folder / "ref", dirs_exist_ok=True)
            else:
                v1.train.Saver().save(session, str(folder / "ref" / "model.ckpt"))
            wanted = [session.run(answer, dict(zip(places, feeds, strict=True)))]
            truth = [(each.op.name, each.shape.as_list()) for each in trained]
            names = [each.name for each in places]
        turned = ",".join(name for name, each in zip(names, feeds, strict=True) if each.ndim == 4)
        every = _graph_exports(work, names, turned, answer.name)
        exports = {name: every[name] for name in case.exporters.split()}
        made = Made(truth, feeds, wanted, exports, frozenset({"graphdef-nchw"}))
        _finish(made, steps, folder)


def _v1_norm(v1: Any, held: Any, scope: str = "BatchNorm") -> Any:
    """A norm of batches with variables of its own."""
    with v1.variable_scope(scope):
        width = [held.shape[-1]]
        scale, moved = (v1.get_variable(name, width) for name in ("gamma", "beta"))
        seen = [
            v1.get_variable(name, width, trainable=False)
            for name in ("moving_mean", "moving_variance")
        ]
        return v1.nn.fused_batch_norm(held, scale, moved, *seen, is_training=False)[0]


def _v1_pictures(v1: Any, given: Any) -> Any:
    """Scopes as of the first generation: filters by depth, norms, a projection."""

    def conv(held: Any, width: int, size: int, step: int = 1) -> Any:
        kernel = v1.get_variable("weights", [size, size, held.shape[-1], width])
        return v1.nn.conv2d(held, kernel, [1, step, step, 1], "SAME")

    with v1.variable_scope("Net"):
        with v1.variable_scope("Conv"):
            held = v1.nn.relu6(_v1_norm(v1, conv(given, 12, 3, 2)))
        for at in range(3):
            with v1.variable_scope(f"expanded_conv_{at}"):
                with v1.variable_scope("expand"):
                    told = v1.nn.relu6(_v1_norm(v1, conv(held, 24, 1)))
                with v1.variable_scope("depthwise"):
                    kernel = v1.get_variable("depthwise_weights", [3, 3, 24, 1])
                    told = v1.nn.depthwise_conv2d(told, kernel, [1, 1, 1, 1], "SAME")
                    told = v1.nn.relu6(_v1_norm(v1, told))
                with v1.variable_scope("project"):
                    held = held + _v1_norm(v1, conv(told, 12, 1))
        with v1.variable_scope("Logits"):
            held = v1.reduce_mean(held, [1, 2], keepdims=True)
            bias = v1.get_variable("biases", [7])
            return v1.squeeze(v1.nn.bias_add(conv(held, 7, 1), bias), [1, 2])


def _v1_dense(v1: Any, held: Any, width: int, scope: str) -> Any:
    """A product with a kernel, and a bias."""
    with v1.variable_scope(scope):
        kernel = v1.get_variable("kernel", [held.shape[-1], width])
        return v1.tensordot(held, kernel, 1) + v1.get_variable("bias", [width])


def _v1_layer_norm(v1: Any, held: Any) -> Any:
    """A norm as BERT's first release has it."""
    with v1.variable_scope("LayerNorm"):
        width = [held.shape[-1]]
        moved, scale = (v1.get_variable(name, width) for name in ("beta", "gamma"))
        mean, spread = v1.nn.moments(held, [-1], keepdims=True)
        return v1.nn.batch_normalization(held, mean, spread, moved, scale, 1e-12)


def _v1_bert(v1: Any, words: Any, kinds: Any) -> Any:
    """BERT with the names of its first release."""
    n_words, width, heads = 6, 24, 4

    def split(held: Any) -> Any:
        return v1.transpose(v1.reshape(held, [-1, n_words, heads, width // heads]), [0, 2, 1, 3])

    with v1.variable_scope("bert"):
        with v1.variable_scope("embeddings"):
            held = v1.nn.embedding_lookup(v1.get_variable("word_embeddings", [40, width]), words)
            table = v1.get_variable("token_type_embeddings", [2, width])
            told = v1.reshape(v1.matmul(v1.one_hot(v1.reshape(kinds, [-1]), 2), table), [-1, 6, 24])
            places = v1.get_variable("position_embeddings", [10, width])
            held = _v1_layer_norm(v1, held[:, :] + told + places[None, :n_words])
        for at in range(2):
            with v1.variable_scope(f"encoder/layer_{at}"):
                with v1.variable_scope("attention/self"):
                    parts = [
                        split(_v1_dense(v1, held, width, name))
                        for name in ("query", "key", "value")
                    ]
                    scores = v1.matmul(parts[0], parts[1], transpose_b=True) / 6**0.5
                    told = v1.matmul(v1.nn.softmax(scores), parts[2])
                    told = v1.reshape(v1.transpose(told, [0, 2, 1, 3]), [-1, n_words, width])
                with v1.variable_scope("attention/output"):
                    held = _v1_layer_norm(v1, held + _v1_dense(v1, told, width, "dense"))
                with v1.variable_scope("intermediate"):
                    told = _v1_dense(v1, held, 48, "dense")
                    told = told * 0.5 * (1.0 + v1.math.erf(told / 2.0**0.5))
                with v1.variable_scope("output"):
                    held = _v1_layer_norm(v1, held + _v1_dense(v1, told, width, "dense"))
        with v1.variable_scope("pooler"):
            held = v1.tanh(_v1_dense(v1, held[:, 0], width, "dense"))
    weights = v1.get_variable("output_weights", [3, width])
    logits = v1.matmul(held, weights, transpose_b=True)
    return v1.nn.bias_add(logits, v1.get_variable("output_bias", [3]))


def _v1_recurrent(v1: Any, words: Any) -> Any:
    """Cells of the first generation, and a table."""
    held = v1.nn.embedding_lookup(v1.get_variable("embedding", [40, 12]), words)
    cells = [v1.nn.rnn_cell.LSTMCell(16), v1.nn.rnn_cell.GRUCell(16)]
    held, _ = v1.nn.dynamic_rnn(v1.nn.rnn_cell.MultiRNNCell(cells), held, dtype=v1.float32)
    return _v1_dense(v1, held, 5, "logits")


def _v1_layers(v1: Any, given: Any) -> Any:
    """The layers that functions make."""
    layers = v1.layers
    held = layers.conv2d(given, 12, 5, padding="same", activation=v1.nn.relu)
    held = layers.max_pooling2d(held, 2, 2)
    held = layers.conv2d(held, 12, 3, padding="same", use_bias=False)
    held = v1.nn.relu(layers.batch_normalization(held))
    held = layers.separable_conv2d(held, 16, 3, padding="same")
    held = layers.conv2d_transpose(held, 8, 2, 2)
    held = layers.flatten(layers.average_pooling2d(held, 4, 4))
    return layers.dense(layers.dense(held, 24, activation=v1.nn.tanh), 6)


_GRAPHS: Final[Mapping[str, Graph]] = {
    "pictures": Graph(_v1_pictures, [(2, 16, 16, 3)], "training", "checkpoint graphdef-nchw saved"),
    "bert": Graph(_v1_bert, [other._ids(40, 2, 6), other._ids(2, 2, 6)], "training"),
    "recurrent": Graph(_v1_recurrent, [other._ids(40, 2, 6)]),
    "layers": Graph(_v1_layers, [(2, 16, 16, 3)], "saver", "checkpoint graphdef-nchw saved"),
    "pictures_saved": Graph(_v1_pictures, [(2, 16, 16, 3)], "saved_model", "graphdef"),
}

# --- Sonnet


class Sonnet(NamedTuple):
    """A module of Sonnet, its inputs, its exporters."""

    build: Callable[[Any], Any]
    inputs: Sequence[Any]
    exporters: str


def _build_sonnet(title: str, case: Sonnet, steps: Sequence[str], folder: Path) -> None:
    """A module of Sonnet: its checkpoint and exports."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    tf: Any = import_module("tensorflow")
    sonnet: Any = import_module("sonnet")
    draw = other._seeded(title)
    feeds = other._fed(case.inputs, draw)
    module = case.build(sonnet)
    module(*map(tf.constant, feeds))
    for variable in module.variables:
        if variable.dtype == tf.float32:
            name = variable.name.partition(":")[0]
            name = f"{name}_var" if "variance" in name else name
            variable.assign(other._drawn(name, variable.shape, draw, False))
    target = other._emptied(folder / "ref")
    tf.train.Checkpoint(module=module).save(str(target / "ckpt"))
    wanted = [each.numpy() for each in tf.nest.flatten(module(*map(tf.constant, feeds)))]
    names = [f"x{at}" for at in range(len(feeds))]
    every = _function_exports(lambda *values: module(*values), feeds, names)
    truth = [(each.name.partition(":")[0], each.shape) for each in module.trainable_variables]
    exports = {name: every[name] for name in case.exporters.split()}
    _finish(
        Made(truth, feeds, wanted, exports, frozenset({"function-nchw"}), names=names),
        steps,
        folder,
    )


def _snt_mlp(snt: Any) -> Any:
    """Dense layers and a norm."""
    tf: Any = import_module("tensorflow")
    norm = snt.LayerNorm(-1, True, True)
    return snt.Sequential(
        [snt.Flatten(), snt.nets.MLP([24, 24, 24]), norm, tf.nn.elu, snt.Linear(5)]
    )


_SONNET: Final[Mapping[str, Sonnet]] = {
    "mlp": Sonnet(_snt_mlp, [(3, 12)], "function-opset15 saved lite"),
}

# --- Transformers' models of TensorFlow


class Hub(NamedTuple):
    """A model of Transformers: its class, its configuration, its inputs by name."""

    kind: str
    config: str
    given: Mapping[str, Any]
    inputs: Mapping[str, Any]
    form: str = "h5"
    exporters: str = "function-opset15 frozen"


def _hub_model(case: Hub) -> Any:
    """A model of Transformers of its configuration."""
    library: Any = import_module("transformers")
    config = getattr(library, case.config)(**case.given)
    return getattr(library, case.kind)(config)


def _hub_weight(name: str, shape: Sequence[int], draw: np.random.Generator) -> Array:
    """Values for a weight of Transformers."""
    return other._drawn(name.partition(":")[0], shape, draw, False)


def _build_tf_hub(title: str, case: Hub, steps: Sequence[str], folder: Path) -> None:
    """A model of Transformers on TensorFlow."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ["USE_TORCH"] = "0"
    tf: Any = import_module("tensorflow")
    model = _hub_model(case)
    draw = other._seeded(title)
    feeds = other._fed(list(case.inputs.values()), draw)
    names = list(case.inputs)

    def call(*values: Any) -> Any:
        given = dict(zip(names, values, strict=True))
        return [model(given, training=False).logits]

    call(*map(tf.constant, feeds))
    for variable in model.weights:
        if variable.dtype == tf.float32:
            variable.assign(_hub_weight(variable.name, variable.shape, draw))
    wanted = [each.numpy() for each in call(*map(tf.constant, feeds))]
    if case.form == "h5":
        model.save_weights(folder / "ref.h5")
    else:
        model.save_pretrained(folder / "ref", safe_serialization=case.form == "safetensors")
        _only(folder, "tf_model.h5" if case.form == "pretrained" else "model.safetensors")
    every = _function_exports(call, feeds, names)
    truth = [(each.name.partition(":")[0], each.shape) for each in model.trainable_weights]
    exports = {name: every[name] for name in case.exporters.split()}
    turned = frozenset({"function-nchw"})
    _finish(Made(truth, feeds, wanted, exports, turned, names=names), steps, folder)


def _only(folder: Path, name: str) -> None:
    """The file of weights that a library put in a folder."""
    found = folder / "ref" / name
    shutil.copyfile(found, folder / f"ref{found.suffix}")
    shutil.rmtree(folder / "ref")


# --- MXNet


class MXNet(NamedTuple):
    """A block of Gluon, or a symbol, its inputs, the layout of its checkpoint."""

    build: Callable[[Any], Any]
    inputs: Sequence[Any]
    form: str = "gluon"


def _plain_name(name: str) -> str:
    """A name whose last word says what a tensor is."""
    return name.replace("_", "/")


def _mxnet_onnx(mx: Any, prefix: str, feeds: Sequence[Array], path: Path) -> None:
    """What MXNet's exporter makes of the two files of a model, with the opset of its day."""
    shapes = [each.shape for each in feeds]
    words = (f"{prefix}-symbol.json", f"{prefix}-0000.params", shapes, np.float32, str(path))
    checker: Any = import_module("onnx.checker")
    checker.DEFAULT_CONTEXT.opset_imports = {"": 13}
    with patch("onnx.defs.onnx_opset_version", lambda: 13):
        mx.onnx.export_model(*words)


def _build_mxnet(title: str, case: MXNet, steps: Sequence[str], folder: Path) -> None:
    """A hybrid block: its parameters by path, or a symbol beside them."""
    numbers: Any = np
    numbers.bool = bool  # which its last release asks for
    mx: Any = import_module("mxnet")
    draw = other._seeded(title)
    net = case.build(mx)
    net.initialize()
    net.hybridize()
    feeds = other._fed(case.inputs, draw)
    values = [mx.nd.array(each) for each in feeds]
    net(*values)
    for name, held in net.collect_params().items():
        held.set_data(mx.nd.array(other._drawn(_plain_name(name), held.shape, draw, True)))
    wanted = [net(*values).asnumpy()]
    if case.form == "gluon":
        net.save_parameters(str(folder / "ref.params"))
    else:
        other._emptied(folder / "ref").mkdir()
        net.export(str(folder / "ref" / "net"))

    def own(path: Path) -> None:
        with tempfile.TemporaryDirectory() as work:
            net.export(f"{work}/net")
            _mxnet_onnx(mx, f"{work}/net", feeds, path)

    named = net._collect_params_with_prefix() if case.form != "symbol" else net.collect_params()
    truth = [(name, each.shape) for name, each in named.items() if each.grad_req != "null"]
    _finish(Made(truth, feeds, wanted, {"mxnet": own}), steps, folder)


def _mx_perceptron(mx: Any) -> Any:
    """Dense layers and norms."""
    nn = mx.gluon.nn
    net = nn.HybridSequential()
    for width in (24, 24):
        net.add(nn.Dense(width, activation="relu"), nn.BatchNorm(), nn.Dropout(0.2))
    net.add(nn.Dense(24), nn.LayerNorm(), nn.PReLU(), nn.Dense(5, use_bias=False))
    return net


def _mx_pictures(mx: Any) -> Any:
    """Convolutions of several kinds under a prefix."""
    nn = mx.gluon.nn
    net = nn.HybridSequential(prefix="pictures_")
    with net.name_scope():
        net.add(nn.Conv2D(12, 3, 2, 1, use_bias=False), nn.BatchNorm(), nn.Activation("relu"))
        net.add(nn.Conv2D(12, 3, 1, 1, groups=12), nn.BatchNorm(scale=False), nn.LeakyReLU(0.1))
        net.add(nn.Conv2D(16, 1), nn.SELU(), nn.MaxPool2D(2))
        net.add(nn.Conv2DTranspose(12, 2, 2, in_channels=16), nn.InstanceNorm(), nn.ELU())
        net.add(nn.GlobalAvgPool2D(), nn.Flatten(), nn.Dense(6))
    return net


def _mx_words(mx: Any) -> Any:
    """Attention by products of batches, a table, norms."""
    nn = mx.gluon.nn

    class Net(nn.HybridBlock):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            with self.name_scope():
                self.word_embed = nn.Embedding(40, 16)
                self.query, self.key, self.value = (nn.Dense(16, flatten=False) for _ in range(3))
                self.proj = nn.Dense(16, flatten=False, use_bias=False)
                self.norm, self.last_norm = nn.LayerNorm(), nn.LayerNorm()
                self.up = nn.Dense(32, flatten=False, activation="relu")
                self.down = nn.Dense(16, flatten=False)
                self.decoder = nn.Dense(40, flatten=False)

        def hybrid_forward(self, mxnet: Any, words: Any) -> Any:
            held = self.word_embed(words)
            scores = mxnet.batch_dot(self.query(held), self.key(held), transpose_b=True)
            told = mxnet.batch_dot(mxnet.softmax(scores / 4, axis=-1), self.value(held))
            held = self.norm(held + self.proj(told))
            held = self.last_norm(held + self.down(self.up(held)))
            return self.decoder(held)

    return Net()


def _mx_recurrent(kind: str, **given: Any) -> Callable[[Any], Any]:
    """A recurrent layer, time first."""

    def build(mx: Any) -> Any:
        net = mx.gluon.nn.HybridSequential()
        net.add(getattr(mx.gluon.rnn, kind)(12, layout="TNC", input_size=8, **given))
        net.add(mx.gluon.nn.Dense(5, flatten=False))
        return net

    return build


def _mx_zoo(kind: str, *given: Any, **more: Any) -> Callable[[Any], Any]:
    """A class of the model zoo with narrow layers."""

    def build(mx: Any) -> Any:
        vision: Any = import_module("mxnet.gluon.model_zoo.vision")
        words = [getattr(vision, each) if str(each).startswith("Basic") else each for each in given]
        return getattr(vision, kind)(*words, classes=7, **more)

    return build


_VIEW: Final = (1, 3, 32, 32)
_MXNET: Final[Mapping[str, MXNet]] = {
    "perceptron": MXNet(_mx_perceptron, [(3, 10)]),
    "pictures": MXNet(_mx_pictures, [(2, 3, 16, 16)], "symbol"),
    "words": MXNet(_mx_words, [other._ids(40, 2, 6).astype(np.float32)]),
    "gru": MXNet(_mx_recurrent("GRU"), [(6, 2, 8)], "symbol"),
    "resnet": MXNet(_mx_zoo("ResNetV1", "BasicBlockV1", [1, 1], [8, 8, 16]), [_VIEW]),
    "mobilenet": MXNet(_mx_zoo("MobileNet", 0.25), [_VIEW], "symbol"),
    "mobilenet_v2": MXNet(_mx_zoo("MobileNetV2", 0.25), [_VIEW]),
    "densenet": MXNet(_mx_zoo("DenseNet", 8, 4, [2, 2]), [(1, 3, 64, 64)]),
    "tanh_rnn": MXNet(_mx_recurrent("RNN", activation="tanh"), [(6, 2, 8)]),
}

# --- Chainer


class Chainer(NamedTuple):
    """A chain, its inputs, the layout of its checkpoint."""

    build: Callable[[Any, Any, Any], Any]
    inputs: Sequence[Any]
    form: str = "npz"


def _build_chainer(title: str, case: Chainer, steps: Sequence[str], folder: Path) -> None:
    """A chain: what its serializers write, and onnx-chainer's file."""
    chainer: Any = import_module("chainer")
    own: Any = import_module("onnx_chainer")
    draw = other._seeded(title)
    feeds = other._fed(case.inputs, draw)
    with chainer.using_config("train", False), chainer.using_config("enable_backprop", True):
        net = case.build(chainer, chainer.links, chainer.functions)
        net(*feeds)
        for name, held in net.namedparams():
            held.array[...] = other._drawn(_chained(name), held.shape, draw, True)
        for path, link in net.namedlinks():
            for name in getattr(link, "_persistent", ()):
                value = getattr(link, name)
                if isinstance(value, np.ndarray) and value.ndim:
                    value[...] = other._drawn(f"{path}/{name}", value.shape, draw, True)
        wanted = [net(*feeds).array]
        if case.form == "npz":
            chainer.serializers.save_npz(folder / "ref.npz", net)
        elif case.form == "snapshot":
            chainer.serializers.save_npz(folder / "ref.npz", chainer.Chain(main=net))
        else:
            chainer.serializers.save_hdf5(str(folder / "ref.h5"), net)

        def write(path: Path, opset: int) -> None:
            own.export(net, tuple(feeds), filename=str(path), opset_version=opset)

        exports = {
            "onnx-chainer": partial(write, opset=9),
            "onnx-chainer-opset11": partial(write, opset=11),
        }
        truth = [(name, held.shape) for name, held in net.namedparams()]
        _finish(Made(truth, feeds, wanted, exports), steps, folder)


def _chained(name: str) -> str:
    """A name that does not say one-dimensional scale."""
    return name.replace("/W", "/weight_of")


def _ch_perceptron(chainer: Any, links: Any, functions: Any) -> Any:
    """As the first example of the documentation, with a norm."""

    class Net(chainer.Chain):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            with self.init_scope():
                self.l1 = links.Linear(None, 24)
                self.bn1 = links.BatchNormalization(24)
                self.l2 = links.Linear(24, 24)
                self.l3 = links.Linear(24, 5, nobias=True)

        def forward(self, held: Any) -> Any:
            held = functions.relu(self.bn1(self.l1(held)))
            return self.l3(functions.tanh(self.l2(held)))

    return Net()


def _ch_pictures(chainer: Any, links: Any, functions: Any) -> Any:
    """Residual blocks in lists."""

    class Block(chainer.Chain):  # type: ignore[misc]
        def __init__(self, n_in: int, n_out: int, step: int) -> None:
            super().__init__()
            with self.init_scope():
                self.conv1 = links.Convolution2D(n_in, n_out, 3, step, 1, nobias=True)
                self.bn1 = links.BatchNormalization(n_out)
                self.conv2 = links.Convolution2D(n_out, n_out, 3, 1, 1, nobias=True)
                self.bn2 = links.BatchNormalization(n_out)
                if n_in != n_out:
                    self.short = links.Convolution2D(n_in, n_out, 1, step)

        def forward(self, held: Any) -> Any:
            told = functions.relu(self.bn1(self.conv1(held)))
            near = self.short(held) if hasattr(self, "short") else held
            return functions.relu(self.bn2(self.conv2(told)) + near)

    sizes = ((12, 12, 1), (12, 16, 2), (16, 16, 1))
    return chainer.Sequential(
        links.Convolution2D(3, 12, 3, 1, 1),
        functions.relu,
        chainer.Sequential(*(Block(*each) for each in sizes)),
        lambda held: functions.mean(held, axis=(2, 3)),
        links.Linear(16, 6),
    )


def _ch_turned(chainer: Any, links: Any, functions: Any) -> Any:
    """A generator: deconvolutions and norms."""

    class Net(chainer.Chain):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            with self.init_scope():
                self.l0 = links.Linear(8, 4 * 4 * 16)
                self.dc1 = links.Deconvolution2D(16, 12, 4, 2, 1)
                self.bn1 = links.BatchNormalization(12)
                self.dc2 = links.Deconvolution2D(12, 8, 4, 2, 1, nobias=True)
                self.bn2 = links.BatchNormalization(8)
                self.c3 = links.Convolution2D(8, 3, 3, 1, 1)

        def forward(self, held: Any) -> Any:
            held = functions.reshape(functions.relu(self.l0(held)), (2, 16, 4, 4))
            held = functions.relu(self.bn1(self.dc1(held)))
            held = functions.leaky_relu(self.bn2(self.dc2(held)))
            return functions.sigmoid(self.c3(held))

    return Net()


def _ch_words(chainer: Any, links: Any, functions: Any) -> Any:
    """A bag of words."""

    class Net(chainer.Chain):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            with self.init_scope():
                self.embed = links.EmbedID(40, 16)
                self.hidden = links.Linear(16, 24)
                self.out = links.Linear(24, 4)

        def forward(self, words: Any) -> Any:
            held = functions.sum(self.embed(words), axis=1)
            return self.out(functions.elu(self.hidden(held)))

    return Net()


def _ch_rated(chainer: Any, links: Any, functions: Any) -> Any:
    """Convolutions along one axis and two, responses that are normalized near by, maxima."""

    class Net(chainer.Chain):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            with self.init_scope():
                self.conv1 = links.Convolution2D(3, 12, 5, stride=2, pad=2)
                self.conv2 = links.Convolution2D(12, 16, 3, pad=1, groups=2)
                self.along = links.ConvolutionND(1, 16, 12, 3, pad=1)
                self.fc6, self.fc7 = links.Linear(None, 24), links.Linear(24, 24)
                self.fc8 = links.Linear(24, 5)

        def forward(self, held: Any) -> Any:
            held = functions.relu(self.conv1(held))
            held = functions.max_pooling_2d(functions.local_response_normalization(held), 2, 2)
            held = functions.relu(self.conv2(held))
            held = functions.reshape(held, (2, 16, 16))
            held = functions.softplus(self.along(held))
            held = functions.relu(self.fc7(functions.relu(self.fc6(held))))
            return functions.softmax(self.fc8(held))

    return Net()


_CHAINER: Final[Mapping[str, Chainer]] = {
    "perceptron": Chainer(_ch_perceptron, [(3, 10)]),
    "pictures": Chainer(_ch_pictures, [(2, 3, 12, 12)], "npz"),
    "turned": Chainer(_ch_turned, [(2, 8)], "snapshot"),
    "words": Chainer(_ch_words, [other._ids(40, 2, 6)], "h5"),
    "rated": Chainer(_ch_rated, [(2, 3, 16, 16)], "h5"),
}

# --- JAX


class Flax(NamedTuple):
    """A model of a library of JAX: what builds it, its inputs, its checkpoint, its exporters."""

    library: str
    build: Callable[[Any], Any]
    inputs: Sequence[Any]
    form: str
    exporters: str = "jax2onnx"


def _save_state(tree: Any, folder: Path) -> None:
    """A state of training, as the examples of the libraries keep it."""
    optax: Any = import_module("optax")
    library: Any = import_module("flax.serialization")
    params = tree.get("params", tree)
    within = tree if "params" in tree else {"params": tree}
    held = {"step": 100, "opt_state": optax.adamw(0.001).init(params), **within}
    (folder / "ref.msgpack").write_bytes(library.to_bytes(held))


def _build_flax(title: str, case: Flax, steps: Sequence[str], folder: Path) -> None:
    """The earlier builders of JAX's libraries, with a state of training."""
    build = {"flax.linen": other._build_linen, "equinox": other._build_equinox}[case.library]
    save = other._save_arrays

    def saved(form: str, named: Any, tree: Any, where: Path) -> None:
        if form == "state-msgpack":
            _save_state(tree, where)
        else:
            save(form, named, tree, where)

    known = other.Jax(case.build, case.inputs, case.form, case.exporters)
    with _widened(), patch.object(other, "_save_arrays", saved):
        build(title, known, steps, folder)


def _linen_vae(nn: Any) -> Any:
    """Modules made in setup, submodules of equal shapes."""
    jnp: Any = import_module("jax.numpy")

    class Encoder(nn.Module):  # type: ignore[misc]
        def setup(self) -> None:
            self.fc1, self.fc2_mean, self.fc2_logvar = nn.Dense(24), nn.Dense(6), nn.Dense(6)

        def __call__(self, held: Any) -> Any:
            held = nn.relu(self.fc1(held))
            return self.fc2_mean(held), self.fc2_logvar(held)

    class Decoder(nn.Module):  # type: ignore[misc]
        def setup(self) -> None:
            self.layers = [nn.Dense(24), nn.Dense(24), nn.Dense(16)]

        def __call__(self, held: Any) -> Any:
            for layer in self.layers:
                held = jnp.tanh(layer(held))
            return held

    class Vae(nn.Module):  # type: ignore[misc]
        def setup(self) -> None:
            self.encoder, self.decoder = Encoder(), Decoder()

        def __call__(self, held: Any) -> Any:
            mean, spread = self.encoder(held)
            return self.decoder(mean), mean, spread

    return Vae()


def _eqx_unet(eqx: Any) -> Any:
    """Convolutions down and up, norms by group and channel, an activation that learns."""
    jax: Any = import_module("jax")
    nn, keys = eqx.nn, other._keys(6)

    class Net(eqx.Module):  # type: ignore[misc]
        enter: Any
        down: list[Any]
        up: Any
        norm: Any
        prelu: Any
        leave: Any

        def __init__(self) -> None:
            self.enter = nn.Conv2d(3, 8, 3, padding=1, key=keys[0])
            self.down = [
                nn.Conv2d(8, 16, 2, stride=2, key=keys[1]),
                nn.Conv2d(16, 16, 3, padding=1, groups=2, key=keys[2]),
            ]
            self.up = nn.ConvTranspose2d(16, 8, 2, stride=2, key=keys[3])
            self.norm, self.prelu = nn.GroupNorm(4, 16), nn.PReLU()
            self.leave = nn.Conv2d(16, 2, 1, use_bias=False, key=keys[4])

        def __call__(self, held: Any) -> Any:
            first = jax.nn.silu(self.enter(held))
            held = first
            for layer in self.down:
                held = jax.nn.silu(layer(held))
            held = jax.numpy.concatenate([self.up(held), first])
            return self.leave(self.prelu(self.norm(held)))

    return Net()


_FLAX: Final[Mapping[str, Flax]] = {
    "linen-vae": Flax("flax.linen", _linen_vae, [(2, 16)], "state-msgpack", "jax2onnx-opset21"),
    "equinox-unet": Flax("equinox", _eqx_unet, [(2, 3, 8, 8)], "eqx"),
}

# --- estimators and trees


class Fitted(NamedTuple):
    """What fits an estimator, how it is exported, how it is kept."""

    fit: Callable[[Array, Array], Any]
    form: str = "joblib"
    exporters: str = "skl2onnx"
    targets: str = "classes"
    answers: Sequence[str] = ("predict", "predict_proba")
    options: Mapping[str, Any] = {"zipmap": False}


def _table(targets: str, draw: np.random.Generator) -> tuple[Array, Array]:
    """Rows, and what is to be found for each."""
    rows = draw.standard_normal((160, 8)).astype(np.float32)
    told = rows @ draw.standard_normal((8, 3)).astype(np.float32)
    told += 0.3 * draw.standard_normal(told.shape).astype(np.float32)
    if targets == "classes":
        return rows, told.argmax(1)
    if targets == "two":
        return rows, (told[:, 0] > 0).astype(np.int64)
    if targets == "many":
        return rows, told
    return rows, told[:, 0]


def _sklearn_onnx(model: Any, rows: Array, options: Any, path: Path, **given: Any) -> None:
    """What skl2onnx makes of an estimator."""
    tool: Any = import_module("skl2onnx")
    told = {id(model): dict(options)} if options else None
    held = tool.to_onnx(model, rows[:1], options=told, **given)
    path.write_bytes(held.SerializeToString())


def _onnxmltools_onnx(kind: str, model: Any, rows: Array, path: Path) -> None:
    """What onnxmltools makes of trees."""
    tool: Any = import_module("onnxmltools")
    types: Any = import_module("onnxmltools.convert.common.data_types")
    first = [("input", types.FloatTensorType([None, rows.shape[1]]))]
    given = {} if kind == "xgboost" else {"zipmap": False}
    held = getattr(tool, f"convert_{kind}")(model, initial_types=first, target_opset=15, **given)
    path.write_bytes(held.SerializeToString())


def _fitted_exports(model: Any, rows: Array, options: Any) -> dict[str, Write]:
    """Every way from an estimator to a file."""

    def catboost(path: Path) -> None:
        model.save_model(str(path), format="onnx")

    return {
        "skl2onnx": partial(_sklearn_onnx, model, rows, options),
        "skl2onnx-opset12": partial(_sklearn_onnx, model, rows, options, target_opset=12),
        "skl2onnx-double": partial(_sklearn_onnx, model, rows.astype(np.float64), options),
        "xgboost": partial(_onnxmltools_onnx, "xgboost", model, rows),
        "lightgbm": partial(_onnxmltools_onnx, "lightgbm", model, rows),
        "catboost": catboost,
    }


def _save_fitted(model: Any, form: str, folder: Path) -> None:
    """An estimator as its library, or Python, keeps it."""
    if form == "joblib":
        import_module("joblib").dump(model, folder / "ref.joblib")
    elif form == "joblib-zlib":
        import_module("joblib").dump(model, folder / "ref.joblib", compress=("zlib", 3))
    elif form == "pickle":
        with open(folder / "ref.pkl", "wb") as file:
            pickle.dump(model, file)
    elif form in ("json", "ubj"):
        model.save_model(folder / f"ref.{form}")
    elif form == "txt":
        model.booster_.save_model(folder / "ref.txt")
    elif form == "cbm":
        model.save_model(str(folder / "ref.cbm"))
    elif form == "cbm-json":
        model.save_model(str(folder / "ref.json"), format="json")
    else:
        raise ValueError(form)


def _learned(model: Any, prefix: str = "") -> Iterator[tuple[str, Sequence[int]]]:
    """The arrays that an estimator has learned, and those of its steps."""
    for name, step in getattr(model, "steps", ()):
        yield from _learned(step, f"{prefix}{name}.")
    for name, value in vars(model).items() if not hasattr(model, "steps") else ():
        parts = value if isinstance(value, list) else [value]
        for at, part in enumerate(parts):
            if isinstance(part, np.ndarray) and part.dtype.kind == "f" and name.endswith("_"):
                title = f"{prefix}{name}.{at}" if isinstance(value, list) else f"{prefix}{name}"
                yield title, part.shape


def _flat_outputs(path: Path, feeds: Mapping[str, Array]) -> list[Array]:
    """What onnxruntime answers, scores by class as columns."""
    import onnxruntime as ort

    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    made = []
    for each in session.run(None, dict(feeds)):
        if isinstance(each, list):
            each = np.array([[row[key] for key in sorted(row)] for row in each])
        made.append(np.asarray(each))
    return made


def _build_fitted(title: str, case: Fitted, steps: Sequence[str], folder: Path) -> None:
    """An estimator: fitted, kept, exported, compared."""
    import onnxruntime as ort

    rows, told = _table(case.targets, other._seeded(title))
    model = case.fit(rows, told)
    _save_fitted(model, case.form, folder)
    names = [[name, list(map(int, shape)), []] for name, shape in _learned(model)]
    (folder / "truth.json").write_text(json.dumps(names))
    wanted = [np.asarray(getattr(model, name)(rows)) for name in case.answers]
    every = _fitted_exports(model, rows, case.options)

    def checked(write: Write, path: Path) -> None:
        write(path)
        asked = ort.InferenceSession(str(path)).get_inputs()[0]
        kind = np.float64 if "double" in asked.type else np.float32
        made = _flat_outputs(path, {asked.name: rows.astype(kind)})
        for found, want in zip(made, wanted, strict=False):
            far = np.abs(found.astype(np.float64).ravel() - want.astype(np.float64).ravel())
            if not (far < 1e-3 * (1 + np.abs(want.ravel()))).mean() > 0.98:
                raise ValueError(f"outputs do not follow the estimator's: {far.max()}")

    for exporter in case.exporters.split():
        source = make(folder, exporter, partial(checked, every[exporter]))
        if source is None:
            continue
        for step in steps[:1]:
            if step.startswith("onnxs") and "+" not in step:
                ship = partial(_passed, step, source)
                make(folder, f"{exporter}+{step}", partial(checked, ship))


def _passed(step: str, source: Path, path: Path) -> None:
    """A step on an artifact that has no arrays beside it."""
    other._STEPS[step](source, path, source)


def _sk(place: str, *given: Any, **more: Any) -> Any:
    """A class of scikit-learn, called."""
    home, _, kind = place.rpartition(".")
    return getattr(import_module(f"sklearn.{home}"), kind)(*given, **more)


def _piped(*parts: Any) -> Any:
    """A pipeline of steps."""
    return import_module("sklearn.pipeline").make_pipeline(*parts)


def _estimator(place: str, *before: str, **more: Any) -> Callable[[Array, Array], Any]:
    """An estimator of scikit-learn, behind steps where there are some."""

    def fit(rows: Array, told: Array) -> Any:
        model = _sk(place, **more)
        steps = [_sk(each) for each in before]
        return (_piped(*steps, model) if steps else model).fit(rows, told)

    return fit


def _boosted(place: str, **more: Any) -> Callable[[Array, Array], Any]:
    """Trees of another library."""
    home, _, kind = place.rpartition(".")

    def fit(rows: Array, told: Array) -> Any:
        return getattr(import_module(home), kind)(**more).fit(rows, told)

    return fit


_VALUES: Final = ("predict",)
_FITTED: Final[Mapping[str, Fitted]] = {
    "logistic": Fitted(
        _estimator("linear_model.LogisticRegression", "preprocessing.StandardScaler"),
        exporters="skl2onnx skl2onnx-opset12",
        options={},
        answers=("predict",),
    ),
    "perceptron": Fitted(
        _estimator("neural_network.MLPClassifier", hidden_layer_sizes=(24, 24), max_iter=60),
        "pickle",
        "skl2onnx skl2onnx-opset12 skl2onnx-double",
    ),
    "perceptron_values": Fitted(
        _estimator(
            "neural_network.MLPRegressor",
            "preprocessing.MinMaxScaler",
            "decomposition.PCA",
            hidden_layer_sizes=(32, 16),
            activation="tanh",
            max_iter=80,
        ),
        "joblib-zlib",
        "skl2onnx",
        "many",
        _VALUES,
        {},
    ),
    "ridge": Fitted(
        _estimator("linear_model.Ridge", "preprocessing.RobustScaler"),
        "joblib",
        "skl2onnx skl2onnx-double",
        "values",
        _VALUES,
        {},
    ),
    "vectors": Fitted(
        _estimator("svm.SVC", probability=True), "joblib", "skl2onnx", answers=_VALUES
    ),
    "vectors_values": Fitted(_estimator("svm.SVR"), "pickle", "skl2onnx", "values", _VALUES, {}),
    "process": Fitted(
        _estimator("gaussian_process.GaussianProcessRegressor", alpha=0.1),
        "joblib",
        "skl2onnx-double",
        "values",
        _VALUES,
        {},
    ),
    "mixture": Fitted(
        lambda rows, told: _sk("mixture.GaussianMixture", 3, random_state=0).fit(rows),
        "joblib",
        "skl2onnx-double",
        options={},
    ),
    "discriminant": Fitted(
        _estimator("discriminant_analysis.LinearDiscriminantAnalysis"), "pickle", "skl2onnx"
    ),
    "near": Fitted(
        _estimator("neighbors.KNeighborsRegressor"), "joblib", "skl2onnx", "values", _VALUES, {}
    ),
    "forest": Fitted(
        _estimator("ensemble.RandomForestClassifier", n_estimators=6, max_depth=5),
        "joblib",
        "skl2onnx",
    ),
    "boosting": Fitted(
        _estimator("ensemble.GradientBoostingRegressor", n_estimators=8),
        "joblib",
        "skl2onnx",
        "values",
        _VALUES,
        {},
    ),
    "bayes": Fitted(_estimator("naive_bayes.GaussianNB"), "pickle", "skl2onnx"),
    "means": Fitted(
        lambda rows, told: _sk("cluster.KMeans", 5, random_state=0, n_init=2).fit(rows),
        "joblib-zlib",
        "skl2onnx skl2onnx-opset12",
        answers=_VALUES,
        options={},
    ),
    "latent": Fitted(
        _estimator("cross_decomposition.PLSRegression", n_components=3),
        "joblib",
        "skl2onnx",
        "many",
        _VALUES,
        {},
    ),
    "one_rest": Fitted(
        lambda rows, told: _sk(
            "multiclass.OneVsRestClassifier", _sk("linear_model.LogisticRegression")
        ).fit(rows, told),
        "pickle",
        "skl2onnx",
    ),
    "stacked": Fitted(
        lambda rows, told: _sk(
            "ensemble.StackingRegressor",
            [("ridge", _sk("linear_model.Ridge")), ("vectors", _sk("svm.LinearSVR"))],
            _sk("linear_model.Lasso", alpha=0.01),
        ).fit(rows, told),
        "joblib",
        "skl2onnx",
        "values",
        _VALUES,
        {},
    ),
    "squares": Fitted(
        lambda rows, told: _piped(
            _sk("preprocessing.PowerTransformer"),
            _sk("preprocessing.PolynomialFeatures", 2),
            _sk("linear_model.BayesianRidge"),
        ).fit(rows, told),
        "joblib",
        "skl2onnx",
        "values",
        _VALUES,
        {},
    ),
    "xgboost": Fitted(
        _boosted("xgboost.XGBClassifier", n_estimators=6, max_depth=3), "ubj", "xgboost"
    ),
    "xgboost_json": Fitted(
        _boosted("xgboost.XGBRegressor", n_estimators=9, max_depth=4),
        "json",
        "xgboost",
        "values",
        _VALUES,
    ),
    "lightgbm": Fitted(
        _boosted("lightgbm.LGBMClassifier", n_estimators=6, num_leaves=7, verbose=-1),
        "txt",
        "lightgbm",
    ),
    "catboost": Fitted(
        _boosted(
            "catboost.CatBoostClassifier",
            iterations=6,
            depth=3,
            verbose=False,
            allow_writing_files=False,
        ),
        "cbm",
        "catboost",
        "two",
    ),
    "catboost_json": Fitted(
        _boosted(
            "catboost.CatBoostRegressor",
            iterations=6,
            depth=3,
            verbose=False,
            allow_writing_files=False,
        ),
        "cbm-json",
        "catboost",
        "values",
        _VALUES,
    ),
}

# --- Paddle


def _paddle_exports(paddle: Any, model: Any, feeds: Sequence[Array]) -> dict[str, Write]:
    """More ways of Paddle's converter."""
    spec = paddle.static.InputSpec
    fixed = [spec(list(each.shape), str(each.dtype), f"x{at}") for at, each in enumerate(feeds)]

    def program(path: Path, **given: Any) -> None:
        convert: Any = import_module("paddle2onnx")
        with tempfile.TemporaryDirectory() as work:
            paddle.jit.save(paddle.jit.to_static(model, input_spec=fixed), f"{work}/inference")
            home = f"{work}/inference"
            convert.export(f"{home}.json", f"{home}.pdiparams", str(path), **given)

    def command(path: Path) -> None:
        tool: Any = import_module("paddle2onnx.command")
        with tempfile.TemporaryDirectory() as work:
            paddle.jit.save(paddle.jit.to_static(model, input_spec=fixed), f"{work}/inference")
            words = ["paddle2onnx", "--model_dir", work, "--model_filename", "inference.json"]
            words += ["--params_filename", "inference.pdiparams", "--save_file", str(path)]
            with patch("sys.argv", [*words, "--opset_version", "14"]):
                tool.main()

    return {
        "program-opset12": partial(program, opset_version=12),
        "program-opset16": partial(program, opset_version=16, optimize_tool="None"),
        "program-optimized": partial(program, opset_version=15, optimize_tool="onnxoptimizer"),
        "program-fp16": partial(program, opset_version=15, export_fp16_model=True),
        "command": command,
    }


def _save_paddle(paddle: Any, model: Any, form: str, folder: Path) -> None:
    """More layouts of Paddle's checkpoints."""
    save: Any = other._save_paddle
    if form == "prefixed":  # as a trainer that keeps an average has them
        held = {f"model.{name}": value for name, value in model.state_dict().items()}
        paddle.save({"model": held, "epoch": 4}, str(folder / "ref.pdparams"))
    elif form == "numpy":
        held = {name: value.numpy() for name, value in model.state_dict().items()}
        with open(folder / "ref.pdparams", "wb") as file:
            pickle.dump(held, file, protocol=2)
    elif form == "npz":
        held = {name: value.numpy() for name, value in model.state_dict().items()}
        np.savez(folder / "ref.npz", **held)
    else:
        save(paddle, model, form, folder)


def _build_paddle(title: str, case: other.Paddle, steps: Sequence[str], folder: Path) -> None:
    """The earlier builder, with more ways and layouts."""
    ways, keep = other._paddle_exports, other._save_paddle

    def exports(paddle: Any, model: Any, feeds: Sequence[Array]) -> dict[str, Write]:
        return {**ways(paddle, model, feeds), **_paddle_exports(paddle, model, feeds)}

    def saved(paddle: Any, model: Any, form: str, where: Path) -> None:
        with patch.object(other, "_save_paddle", keep):
            _save_paddle(paddle, model, form, where)

    with (
        _widened(),
        patch.object(other, "_paddle_exports", exports),
        patch.object(other, "_save_paddle", saved),
    ):
        other._build_paddle(title, case, steps, folder)


def _pd_ernie(paddle: Any) -> Any:
    """ERNIE with the names of PaddleNLP."""
    nn = paddle.nn

    class Embeddings(nn.Layer):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.word_embeddings = nn.Embedding(50, 24, padding_idx=0)
            self.position_embeddings = nn.Embedding(12, 24)
            self.token_type_embeddings = nn.Embedding(2, 24)
            self.task_type_embeddings = nn.Embedding(3, 24)
            self.layer_norm = nn.LayerNorm(24)

        def forward(self, words: Any) -> Any:
            ones = paddle.zeros_like(words)
            places = paddle.arange(8).unsqueeze(0)
            held = self.word_embeddings(words) + self.position_embeddings(places)
            held = held + self.token_type_embeddings(ones) + self.task_type_embeddings(ones)
            return self.layer_norm(held)

    class Ernie(nn.Layer):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.embeddings = Embeddings()
            layer = nn.TransformerEncoderLayer(24, 4, 48, activation="gelu", act_dropout=0.0)
            self.encoder = nn.TransformerEncoder(layer, 2)
            self.pooler = nn.Sequential(("dense", nn.Linear(24, 24)), ("activation", nn.Tanh()))

        def forward(self, words: Any) -> Any:
            held = self.encoder(self.embeddings(words))
            return held, self.pooler(held[:, 0])

    class Net(nn.Layer):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.ernie = Ernie()
            self.classifier = nn.Linear(24, 3)

        def forward(self, words: Any) -> Any:
            return self.classifier(self.ernie(words)[1])

    return Net()


def _pd_llama(paddle: Any) -> Any:
    """A decoder with places that turn, gates, fewer keys, joined projections, a tied head."""
    nn = paddle.nn

    class Norm(nn.Layer):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.weight = self.create_parameter([32])

        def forward(self, held: Any) -> Any:
            return held * paddle.rsqrt(held.square().mean(-1, keepdim=True) + 1e-6) * self.weight

    def turned(held: Any, waves: Any) -> Any:
        one, two = held.chunk(2, -1)
        return held * waves.cos() + paddle.concat([-two, one], -1) * waves.sin()

    class Attention(nn.Layer):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.qkv_proj = nn.Linear(32, 64, bias_attr=False)
            self.o_proj = nn.Linear(32, 32, bias_attr=False)

        def forward(self, held: Any, waves: Any, mask: Any) -> Any:
            query, key, value = self.qkv_proj(held).split([32, 16, 16], -1)
            query, key, value = (
                each.reshape([2, 8, count, 8]).transpose([0, 2, 1, 3])
                for each, count in ((query, 4), (key, 2), (value, 2))
            )
            query, key = turned(query, waves), turned(key, waves)
            key, value = (
                each.unsqueeze(2).tile([1, 1, 2, 1, 1]).reshape([2, 4, 8, 8])
                for each in (key, value)
            )
            scores = paddle.matmul(query, key, transpose_y=True) / 8**0.5 + mask
            told = paddle.matmul(nn.functional.softmax(scores), value)
            return self.o_proj(told.transpose([0, 2, 1, 3]).reshape([2, 8, 32]))

    class Mlp(nn.Layer):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.gate_up_fused_proj = nn.Linear(32, 96, bias_attr=False)
            self.down_proj = nn.Linear(48, 32, bias_attr=False)

        def forward(self, held: Any) -> Any:
            gate, up = self.gate_up_fused_proj(held).chunk(2, -1)
            return self.down_proj(nn.functional.silu(gate) * up)

    class Layer(nn.Layer):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.self_attn, self.mlp = Attention(), Mlp()
            self.input_layernorm, self.post_attention_layernorm = Norm(), Norm()

    class Net(nn.Layer):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.embed_tokens = nn.Embedding(50, 32)
            self.layers = nn.LayerList([Layer() for _ in range(2)])
            self.norm = Norm()
            speeds = 1.0 / 100.0 ** (np.arange(0, 8, 2, dtype=np.float32) / 8)
            waves = np.outer(np.arange(8, dtype=np.float32), speeds)
            self.waves = np.concatenate([waves, waves], -1).astype(np.float32)
            self.mask = np.triu(np.full((8, 8), -1e4, np.float32), 1)

        def forward(self, words: Any) -> Any:
            held = self.embed_tokens(words)
            waves, mask = paddle.to_tensor(self.waves), paddle.to_tensor(self.mask)
            for layer in self.layers:
                held = held + layer.self_attn(layer.input_layernorm(held), waves, mask)
                held = held + layer.mlp(layer.post_attention_layernorm(held))
            return paddle.matmul(self.norm(held), self.embed_tokens.weight, transpose_y=True)

    return Net()


def _pd_recurrent(paddle: Any) -> Any:
    """Layers both ways, then one way, a state that is an output."""
    nn = paddle.nn

    class Net(nn.Layer):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.GRU(10, 12, 2, direction="bidirect")
            self.lstm = nn.LSTM(24, 12, time_major=False)
            self.norm = nn.LayerNorm(12)
            self.head = nn.Linear(12, 4)

        def forward(self, held: Any) -> Any:
            held, _ = self.rnn(held)
            held, (state, _) = self.lstm(held)
            return self.head(self.norm(held)), state

    return Net()


def _pd_volumes(paddle: Any) -> Any:
    """Three axes."""
    nn = paddle.nn
    return nn.Sequential(
        nn.Conv3D(2, 8, 3, padding=1, bias_attr=False),
        nn.BatchNorm3D(8),
        nn.ReLU(),
        nn.Conv3D(8, 12, 3, 2, padding=1),
        nn.Tanh(),
        nn.Flatten(),
        nn.Linear(12 * 3 * 3 * 3, 4),
    )


def _pd_normed(paddle: Any) -> Any:
    """Norms of weights, groups, activations of other kinds, parameters in lists."""
    nn = paddle.nn

    class Net(nn.Layer):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2D(3, 16, 3, padding=1)
            self.group = nn.GroupNorm(4, 16)
            self.wide = nn.Conv2D(16, 16, 3, padding="SAME", groups=4)
            self.scales = nn.ParameterList(
                [paddle.create_parameter([1, 16, 1, 1], "float32") for _ in range(2)]
            )
            self.bilinear = nn.Linear(16, 12)
            self.table = paddle.create_parameter([12, 5], "float32")

        def forward(self, held: Any) -> Any:
            held = nn.functional.mish(self.group(self.conv(held))) * self.scales[0]
            held = nn.functional.swish(self.wide(held)) + self.scales[1]
            held = nn.functional.interpolate(held, size=[16, 16], mode="nearest")
            return paddle.matmul(nn.functional.elu(self.bilinear(held.mean([2, 3]))), self.table)

    return Net()


def _pd_detector(paddle: Any) -> Any:
    """A detector's parts: blocks that were joined, a pyramid, heads of equal shapes."""
    nn = paddle.nn

    class ConvBNLayer(nn.Layer):  # type: ignore[misc, name-defined]
        def __init__(self, n_in: int, n_out: int, size: int, step: int = 1) -> None:
            super().__init__()
            self.conv = nn.Conv2D(n_in, n_out, size, step, size // 2, bias_attr=False)
            self.bn = nn.BatchNorm2D(n_out)

        def forward(self, held: Any) -> Any:
            return nn.functional.swish(self.bn(self.conv(held)))

    class RepVggBlock(nn.Layer):  # type: ignore[misc, name-defined]
        def __init__(self, width: int) -> None:
            super().__init__()
            self.conv1, self.conv2 = ConvBNLayer(width, width, 3), ConvBNLayer(width, width, 1)
            self.alpha = self.create_parameter([1])

        def forward(self, held: Any) -> Any:
            return nn.functional.swish(self.conv1(held) + self.alpha * self.conv2(held))

    class Net(nn.Layer):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Sequential(ConvBNLayer(3, 8, 3, 2), ConvBNLayer(8, 12, 3))
            self.stages = nn.LayerList(
                [nn.Sequential(ConvBNLayer(12, 12, 3, 2), RepVggBlock(12)) for _ in range(2)]
            )
            self.neck = nn.LayerList([nn.Conv2D(12, 16, 1) for _ in range(2)])
            self.head_cls = nn.LayerList([nn.Conv2D(16, 5, 3, padding=1) for _ in range(2)])
            self.head_reg = nn.LayerList([nn.Conv2D(16, 5, 3, padding=1) for _ in range(2)])

        def forward(self, held: Any) -> Any:
            held, seen = self.stem(held), []
            for stage in self.stages:
                held = stage(held)
                seen.append(held)
            two = self.neck[1](seen[1])
            one = self.neck[0](seen[0]) + nn.functional.interpolate(two, size=[8, 8])
            made = []
            for at, each in enumerate((one, two)):
                made.append(nn.functional.sigmoid(self.head_cls[at](each)).flatten(2))
                made.append(self.head_reg[at](each).flatten(2))
            return paddle.concat(made[::2], -1), paddle.concat(made[1::2], -1)

    return Net()


def _pd_reader(paddle: Any) -> Any:
    """A reader of lines by attention over places, mixed locally and globally."""
    nn = paddle.nn

    class Block(nn.Layer):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(24), nn.LayerNorm(24)
            self.qkv, self.proj = nn.Linear(24, 72), nn.Linear(24, 24)
            self.fc1, self.fc2 = nn.Linear(24, 48), nn.Linear(48, 24)

        def forward(self, held: Any) -> Any:
            parts = self.qkv(self.norm1(held)).reshape([0, -1, 3, 4, 6]).transpose([2, 0, 3, 1, 4])
            query, key, value = parts[0] * 6**-0.5, parts[1], parts[2]
            told = nn.functional.softmax(query.matmul(key.transpose([0, 1, 3, 2]))).matmul(value)
            held = held + self.proj(told.transpose([0, 2, 1, 3]).reshape([0, -1, 24]))
            return held + self.fc2(nn.functional.gelu(self.fc1(self.norm2(held))))

    class Net(nn.Layer):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.patch_embed = nn.Sequential(
                nn.Conv2D(3, 12, 3, 2, 1), nn.BatchNorm2D(12), nn.GELU(), nn.Conv2D(12, 24, 3, 2, 1)
            )
            self.pos_embed = self.create_parameter([1, 16, 24])
            self.blocks = nn.LayerList([Block() for _ in range(2)])
            self.sub_sample = nn.Conv2D(24, 24, 3, [2, 1], 1)
            self.norm = nn.LayerNorm(24)
            self.ctc_head = nn.Linear(24, 12)

        def forward(self, held: Any) -> Any:
            held = self.patch_embed(held).flatten(2).transpose([0, 2, 1]) + self.pos_embed
            for block in self.blocks:
                held = block(held)
            held = self.sub_sample(held.transpose([0, 2, 1]).reshape([0, 24, 2, 8]))
            held = self.norm(held.squeeze(2).transpose([0, 2, 1]))
            return nn.functional.softmax(self.ctc_head(held), -1)

    return Net()


def _pd_matched(paddle: Any) -> Any:
    """A tower of text and one of pictures, a scale that learns."""
    nn = paddle.nn

    class Net(nn.Layer):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.words = nn.Embedding(40, 16)
            self.text = nn.TransformerEncoderLayer(16, 2, 32, 0.0, normalize_before=True)
            self.picture = nn.Sequential(nn.Conv2D(3, 16, 4, 4), nn.GELU(), nn.Flatten(2))
            self.text_projection = self.create_parameter([16, 12])
            self.image_projection = nn.Linear(16, 12, bias_attr=False)
            self.logit_scale = self.create_parameter([1])

        def forward(self, words: Any, held: Any) -> Any:
            one = paddle.matmul(self.text(self.words(words)).mean(1), self.text_projection)
            two = self.image_projection(self.picture(held).mean(-1))
            one = one / one.norm(axis=-1, keepdim=True)
            two = two / two.norm(axis=-1, keepdim=True)
            return paddle.matmul(one, two, transpose_y=True) * self.logit_scale.exp()

    return Net()


_PADDLE: Final[Mapping[str, other.Paddle]] = {
    "ernie": other.Paddle(_pd_ernie, [other._ids(50, 2, 8)], "prefixed", "command program-opset12"),
    "llama": other.Paddle(
        _pd_llama, [other._ids(50, 2, 8)], "pdparams", "program-opset16 paddle2onnx-opset11"
    ),
    "recurrent": other.Paddle(_pd_recurrent, [(2, 5, 10)], "numpy", "program-opset12 command"),
    "volumes": other.Paddle(_pd_volumes, [(2, 2, 6, 6, 6)], "npz", "program-optimized"),
    "normed": other.Paddle(_pd_normed, [(2, 3, 8, 8)], "prefixed", "command program-fp16"),
    "detector": other.Paddle(
        _pd_detector, [(1, 3, 32, 32)], "pdparams", "program-optimized program-opset16"
    ),
    "reader": other.Paddle(_pd_reader, [(1, 3, 8, 32)], "training", "command program-fp16"),
    "matched": other.Paddle(
        _pd_matched, [other._ids(40, 2, 6), (2, 3, 8, 8)], "numpy", "program-opset16"
    ),
    "mobilenet_v3_large": other.Paddle(
        other._vision("mobilenet_v3_large", scale=0.35), [_VIEW], "prefixed", "command"
    ),
    "shufflenet_swish": other.Paddle(
        other._vision("shufflenet_v2_swish"), [_VIEW], "npz", "program-optimized"
    ),
    "squeezenet_old": other.Paddle(
        other._vision("squeezenet1_0"), [(1, 3, 64, 64)], "training", "program-opset16"
    ),
    "mobilenet_v2_static": other.Paddle(
        other._vision("mobilenet_v2", scale=0.25), [_VIEW], "numpy", "program-fp16 command"
    ),
}

# --- KerasHub's models


def _text_given(**more: Any) -> dict[str, Any]:
    """The numbers that most of the library's models of text share."""
    given = {"vocabulary_size": 50, "num_layers": 2, "hidden_dim": 24, "intermediate_dim": 48}
    return {**given, **more}


_ONES: Final = np.ones((2, 9), np.int32)
_WORDS: Final = other._ids(50, 2, 9)
_BOTH: Final = [_ONES, _WORDS]
_LARGE: Final = [(1, 64, 64, 3)]
_GROUPED: Final = {"num_query_heads": 4, "num_key_value_heads": 2}
_HUB: Final[Mapping[str, Keras]] = {
    "qwen3": Keras(
        _hubbed("Qwen3Backbone", head_dim=8, **_text_given(**_GROUPED)), _BOTH, "weights", "keras"
    ),
    "bloom": Keras(_hubbed("BloomBackbone", **_text_given(num_heads=4)), _BOTH, "keras", "keras"),
    "opt": Keras(_hubbed("OPTBackbone", **_text_given(num_heads=4)), _BOTH, "weights", "saved"),
    "mixtral": Keras(
        _hubbed("MixtralBackbone", num_experts=3, **_text_given(**_GROUPED)),
        _BOTH,
        "weights",
        "keras",
    ),
    "xception": Keras(
        _hubbed(
            "XceptionBackbone",
            stackwise_conv_filters=[[8, 12], [16, 16], [24, 24]],
            stackwise_pooling=[False, True, False],
            image_shape=(64, 64, 3),
        ),
        _LARGE,
        "trained",
        "keras lite-int8-dequantized",
    ),
}

_KIND: Final = {"vocab_size": 50, "hidden_size": 24, "num_attention_heads": 4}
_BERT: Final = {**_KIND, "num_hidden_layers": 2, "intermediate_size": 48}
_TEXT: Final = {"input_ids": other._ids(50, 2, 7), "attention_mask": np.ones((2, 7), np.int32)}
_IMAGE: Final = {"pixel_values": (1, 3, 32, 32)}
_TF_HUB: Final[Mapping[str, Hub]] = {
    "bert": Hub("TFBertForSequenceClassification", "BertConfig", _BERT, _TEXT),
    "gpt2": Hub(
        "TFGPT2LMHeadModel",
        "GPT2Config",
        {"vocab_size": 50, "n_positions": 16, "n_embd": 24, "n_layer": 2, "n_head": 4},
        _TEXT,
        "pretrained",
        "function-opset15 saved",
    ),
    "distilbert": Hub(
        "TFDistilBertForTokenClassification",
        "DistilBertConfig",
        {"vocab_size": 50, "dim": 24, "hidden_dim": 48, "n_layers": 2, "n_heads": 4},
        _TEXT,
        "safetensors",
    ),
    "resnet": Hub(
        "TFResNetForImageClassification",
        "ResNetConfig",
        {
            "embedding_size": 8,
            "hidden_sizes": [8, 16],
            "depths": [1, 2],
            "layer_type": "basic",
            "num_labels": 4,
        },
        _IMAGE,
        "safetensors",
        "function-opset12 lite",
    ),
}

# --- graphs that are written by hand from arrays


class Written(NamedTuple):
    """Arrays by name, a graph of them, what it computes, how the arrays are kept."""

    arrays: Callable[[np.random.Generator], dict[str, Array]]
    write: Callable[[dict[str, Array], Path], None]
    answer: Callable[[dict[str, Array], Array], Array]
    inputs: Sequence[Any]
    form: str = "npz"


def _save_written(arrays: dict[str, Array], form: str, folder: Path) -> None:
    """Arrays as people keep them."""
    if form == "npz":
        save: Any = np.savez
        save(folder / "ref.npz", **arrays)
    elif form == "safetensors":
        import_module("safetensors.numpy").save_file(arrays, folder / "ref.safetensors")
    else:
        with open(folder / "ref.pkl", "wb") as file:
            pickle.dump(arrays, file)


def _build_written(title: str, case: Written, steps: Sequence[str], folder: Path) -> None:
    """Arrays, and a graph that is written of them."""
    draw = other._seeded(title)
    arrays = case.arrays(draw)
    feeds = other._fed(case.inputs, draw)
    _save_written(arrays, case.form, folder)
    wanted = [case.answer(arrays, feeds[0])]
    truth = [(name, each.shape) for name, each in arrays.items()]
    exports = {"written": partial(case.write, arrays)}
    _finish(Made(truth, feeds, wanted, exports), steps, folder)


def _layers(draw: np.random.Generator, sizes: Sequence[int], name: str) -> dict[str, Array]:
    """Kernels and biases of dense layers."""
    made = {}
    for at, (n_in, n_out) in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
        kernel = draw.standard_normal((n_in, n_out)).astype(np.float32)
        made[f"{name}{at}.W"] = kernel * np.float32(n_in**-0.5)
        made[f"{name}{at}.b"] = draw.standard_normal(n_out).astype(np.float32) * np.float32(0.1)
    return made


def _mlp_arrays(draw: np.random.Generator) -> dict[str, Array]:
    """Three dense layers."""
    return _layers(draw, (10, 24, 24, 5), "layer")


def _mlp_answer(arrays: dict[str, Array], rows: Array) -> Array:
    """What they compute."""
    held = rows
    for at in range(3):
        held = held @ arrays[f"layer{at}.W"] + arrays[f"layer{at}.b"]
        held = np.maximum(held, 0) if at < 2 else held
    return held


def _spox_mlp(arrays: dict[str, Array], path: Path) -> None:
    """As Spox's guide builds a model."""
    spox: Any = import_module("spox")
    op: Any = import_module("spox.opset.ai.onnx.v17")
    given = spox.argument(spox.Tensor(np.float32, ("N", 10)))
    held = given
    for at in range(3):
        kernel, bias = (op.constant(value=arrays[f"layer{at}.{part}"]) for part in "Wb")
        held = op.add(op.matmul(held, kernel), bias)
        held = op.relu(held) if at < 2 else held
    onnx.save(spox.build({"x": given}, {"y": held}), path)


def _helper_mlp(arrays: dict[str, Array], path: Path) -> None:
    """As the documentation of onnx makes a model."""
    helper, numpy_helper = import_module("onnx.helper"), import_module("onnx.numpy_helper")
    nodes, last = [], "x"
    for at in range(3):
        parts = [last, f"layer{at}.W", f"layer{at}.b"]
        nodes.append(helper.make_node("Gemm", parts, [f"g{at}"], transB=1))
        last = f"g{at}"
        if at < 2:
            nodes.append(helper.make_node("Relu", [last], [f"r{at}"]))
            last = f"r{at}"
    kept = [
        numpy_helper.from_array(np.ascontiguousarray(each.T) if name.endswith("W") else each, name)
        for name, each in arrays.items()
    ]
    ends = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None, size])
        for name, size in (("x", 10), (last, 5))
    ]
    graph = helper.make_graph(nodes, "mlp", ends[:1], ends[1:], kept)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)


def _script_mlp(arrays: dict[str, Array], path: Path) -> None:
    """As ONNX Script's tutorial has a function with constants."""
    script: Any = import_module("onnxscript")
    source = "\n".join(
        [
            "from onnxscript import script, FLOAT, opset18 as op",
            "@script(default_opset=op)",
            "def mlp(x: FLOAT['N', 10], " + ", ".join(_script_words()) + ") -> FLOAT['N', 5]:",
            "    h0 = op.Relu(op.Add(op.MatMul(x, W0), b0))",
            "    h1 = op.Relu(op.Add(op.MatMul(h0, W1), b1))",
            "    return op.Add(op.MatMul(h1, W2), b2)",
        ]
    )
    with tempfile.TemporaryDirectory() as work:
        Path(work, "written_mlp.py").write_text(source)
        with patch("sys.path", [work, *sys.path]):
            proto = import_module("written_mlp").mlp.to_model_proto(ir_version=8)
    del script
    numpy_helper = import_module("onnx.numpy_helper")
    for at in range(3):
        for part in "Wb":
            held = numpy_helper.from_array(arrays[f"layer{at}.{part}"], f"{part}{at}")
            proto.graph.initializer.append(held)
    kept = [each for each in proto.graph.input if each.name == "x"]
    del proto.graph.input[:]
    proto.graph.input.extend(kept)
    onnx.save(proto, path)


def _script_words() -> Iterator[str]:
    """Arguments of a function of ONNX Script."""
    sizes = (10, 24, 24, 5)
    for at in range(3):
        yield f"W{at}: FLOAT[{sizes[at]}, {sizes[at + 1]}]"
        yield f"b{at}: FLOAT[{sizes[at + 1]}]"


def _cnn_arrays(draw: np.random.Generator) -> dict[str, Array]:
    """Convolutions in the layout of pictures by channels last."""
    made = {}
    for at, (n_in, n_out) in enumerate(((3, 12), (12, 12), (12, 16))):
        kernel = draw.standard_normal((3, 3, n_in, n_out)).astype(np.float32)
        made[f"conv{at}/kernel"] = kernel * np.float32((9 * n_in) ** -0.5)
        made[f"conv{at}/bias"] = draw.standard_normal(n_out).astype(np.float32) * np.float32(0.1)
    made["head/kernel"] = draw.standard_normal((16, 5)).astype(np.float32) * np.float32(0.25)
    made["head/bias"] = draw.standard_normal(5).astype(np.float32)
    return made


def _cnn_answer(arrays: dict[str, Array], pictures: Array) -> Array:
    """What the convolutions compute."""
    held = pictures
    for at in range(3):
        padded = np.pad(held, ((0, 0), (0, 0), (1, 1), (1, 1)))
        cuts = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))
        held = np.einsum("bcyxhw,hwco->boyx", cuts, arrays[f"conv{at}/kernel"])
        held = np.maximum(held + arrays[f"conv{at}/bias"][:, None, None], 0)
    answer: Array = held.mean((2, 3)) @ arrays["head/kernel"] + arrays["head/bias"]
    return answer


def _ir_cnn(arrays: dict[str, Array], path: Path) -> None:
    """With the builder of onnx_ir."""
    ir: Any = import_module("onnx_ir")
    given = ir.val("x", ir.DataType.FLOAT, ["N", 3, 12, 12])
    nodes, kept, held = [], [], given

    def const(name: str, value: Array) -> Any:
        kept.append(ir.val(name, const_value=ir.tensor(np.ascontiguousarray(value), name=name)))
        return kept[-1]

    def node(kind: str, *parts: Any, **given: Any) -> Any:
        nodes.append(ir.node(kind, parts, given or None))
        return nodes[-1].outputs[0]

    for at in range(3):
        kernel = const(f"conv{at}.weight", arrays[f"conv{at}/kernel"].transpose(3, 2, 0, 1))
        bias = const(f"conv{at}.bias", arrays[f"conv{at}/bias"])
        held = node("Relu", node("Conv", held, kernel, bias, pads=[1, 1, 1, 1]))
    held = node("Flatten", node("GlobalAveragePool", held))
    held = node("MatMul", held, const("head.weight", arrays["head/kernel"]))
    held = node("Add", held, const("head.bias", arrays["head/bias"]))
    held.name, held.type = "y", ir.TensorType(ir.DataType.FLOAT)
    held.shape = ir.Shape(["N", 5])
    graph = ir.Graph([given], [held], nodes=nodes, initializers=kept, opset_imports={"": 18})
    ir.save(ir.Model(graph, ir_version=9), path)


def _spox_cnn(arrays: dict[str, Array], path: Path) -> None:
    """Convolutions as that library writes them."""
    spox: Any = import_module("spox")
    op: Any = import_module("spox.opset.ai.onnx.v18")
    given = spox.argument(spox.Tensor(np.float32, ("N", 3, 12, 12)))
    held = given
    for at in range(3):
        kernel = np.ascontiguousarray(arrays[f"conv{at}/kernel"].transpose(3, 2, 0, 1))
        parts = [op.constant(value=each) for each in (kernel, arrays[f"conv{at}/bias"])]
        held = op.relu(op.conv(held, *parts, pads=[1, 1, 1, 1]))
    held = op.reduce_mean(held, op.const([2, 3], np.int64), keepdims=0)
    head = [op.constant(value=arrays[f"head/{part}"]) for part in ("kernel", "bias")]
    onnx.save(spox.build({"x": given}, {"y": op.gemm(held, *head)}), path)


def _lstm_arrays(draw: np.random.Generator) -> dict[str, Array]:
    """Gates in the order of Keras, joined."""
    shapes: dict[str, tuple[int, ...]] = {
        "embedding": (40, 8),
        "lstm/kernel": (8, 48),
        "lstm/recurrent_kernel": (12, 48),
    }
    shapes |= {"lstm/bias": (48,), "out/kernel": (12, 4), "out/bias": (4,)}
    return {
        name: (draw.standard_normal(shape) * 0.3).astype(np.float32)
        for name, shape in shapes.items()
    }


def _lstm_answer(arrays: dict[str, Array], words: Array) -> Array:
    """What the gates compute."""
    held = arrays["embedding"][words]
    state: Array = np.zeros((len(words), 12), np.float32)
    cell = state
    for at in range(words.shape[1]):
        gates = held[:, at] @ arrays["lstm/kernel"] + state @ arrays["lstm/recurrent_kernel"]
        one, two, new, out = np.split(gates + arrays["lstm/bias"], 4, -1)
        one, two, out = (1 / (1 + np.exp(-each)) for each in (one, two, out))
        cell = two * cell + one * np.tanh(new)
        state = out * np.tanh(cell)
    return state @ arrays["out/kernel"] + arrays["out/bias"]


def _onnx_gates(value: Array) -> Array:
    """From input, forget, cell, output to input, output, forget, cell, as rows."""
    one, two, new, out = np.split(value, 4, -1)
    return np.ascontiguousarray(np.concatenate([one, out, two, new], -1).T)


def _spox_lstm(arrays: dict[str, Array], path: Path) -> None:
    """A recurrent layer in the order of gates that ONNX has."""
    spox: Any = import_module("spox")
    op: Any = import_module("spox.opset.ai.onnx.v17")
    given = spox.argument(spox.Tensor(np.int32, ("N", 6)))
    held = op.gather(op.constant(value=arrays["embedding"]), given)
    held = op.transpose(held, perm=[1, 0, 2])
    bias = _onnx_gates(arrays["lstm/bias"])
    _, state, _ = op.lstm(
        held,
        op.constant(value=_onnx_gates(arrays["lstm/kernel"])[None]),
        op.constant(value=_onnx_gates(arrays["lstm/recurrent_kernel"])[None]),
        op.constant(value=np.concatenate([bias, np.zeros_like(bias)])[None]),
        hidden_size=12,
    )
    held = op.squeeze(state, op.const([0], np.int64))
    head = [op.constant(value=arrays[f"out/{part}"]) for part in ("kernel", "bias")]
    onnx.save(spox.build({"words": given}, {"y": op.gemm(held, *head)}), path)


_WRITTEN: Final[Mapping[str, Written]] = {
    "helper": Written(_mlp_arrays, _helper_mlp, _mlp_answer, [(3, 10)], "pickle"),
    "spox": Written(_mlp_arrays, _spox_mlp, _mlp_answer, [(3, 10)]),
    "script": Written(_mlp_arrays, _script_mlp, _mlp_answer, [(3, 10)], "safetensors"),
    "ir-cnn": Written(_cnn_arrays, _ir_cnn, _cnn_answer, [(2, 3, 12, 12)]),
    "spox-cnn": Written(_cnn_arrays, _spox_cnn, _cnn_answer, [(2, 3, 12, 12)], "safetensors"),
    "spox-lstm": Written(_lstm_arrays, _spox_lstm, _lstm_answer, [other._ids(40, 2, 6)]),
}


# --- every case


def _builders() -> Iterator[tuple[str, Builder]]:
    """A builder a case; some have steps after the exports."""
    tables: Sequence[tuple[str, Callable[..., None], Mapping[str, Any]]] = (
        ("keras", _build_keras, _KERAS),
        ("graph", _build_graph, _GRAPHS),
        ("sonnet", _build_sonnet, _SONNET),
        ("mxnet", _build_mxnet, _MXNET),
        ("chainer", _build_chainer, _CHAINER),
        ("jax", _build_flax, _FLAX),
        ("fitted", _build_fitted, _FITTED),
        ("paddle", _build_paddle, _PADDLE),
        ("hub", _build_keras, _HUB),
        ("tf-hub", _build_tf_hub, _TF_HUB),
        ("written", _build_written, _WRITTEN),
    )
    shipped = {title: steps for steps, titles in _SHIPPED.items() for title in titles.split()}
    for library, build, table in tables:
        for name, case in table.items():
            title = f"{library}-{name}"
            yield title, partial(build, title, case, shipped.get(title, ()))


CASES: Final[dict[str, Builder]] = dict(_builders())
OPENED: Final = frozenset(CASES)
