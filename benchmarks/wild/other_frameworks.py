"""Artifacts of frameworks other than plain torch, held out until they had been measured: Keras and
TensorFlow through tf2onnx, JAX's libraries through jax2onnx, Paddle through paddle2onnx, each
beside the checkpoint that its users save.

Every weight is drawn with numpy. Where onnxruntime runs an artifact, its outputs are held against
those of the framework: one that does not follow them is not kept. Cases of Paddle are built in an
environment of their own.
"""

from __future__ import annotations

import json
import math
import os
import pickle
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple
from unittest.mock import patch

import numpy as np
from postprocess import POSTPROCESSORS

from wild.steps import Step, channels, halved, shipped
from wild.workshop import Builder, compare, make

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

Array = np.ndarray[Any, Any]
Write = Callable[[Path], None]


class Made(NamedTuple):
    """A model of some framework with its weights drawn: its trainable parameters, what goes in and
    comes out, and how it is exported (``turned``: exports that take pictures by channels first).
    """

    truth: Sequence[tuple[str, Sequence[int]]]
    feeds: Sequence[Array]
    wanted: Sequence[Array]
    exports: Mapping[str, Write]
    turned: frozenset[str] = frozenset()
    slack: float = 2e-3
    names: Sequence[str] = ()  # of what goes in, where an export may put it in another order


# --- weights, inputs, outputs

_NEAR_ONE: Final = ("gamma", "scale", "unit")


def _drawn(name: str, shape: Sequence[int], draw: np.random.Generator, out_first: bool) -> Array:
    """Values for the tensor of a name: variances above a half, scales of norms about one, others
    small, and smaller where there are many inputs.
    """
    last = name.replace(".", "/").rpartition("/")[2]
    if "var" in last:
        return (draw.random(shape) + 0.5).astype(np.float32)
    values = draw.standard_normal(shape).astype(np.float32)
    if last in _NEAR_ONE or (last == "weight" and len(shape) == 1):
        return values * np.float32(0.1) + 1
    n_inputs = math.prod(shape[1:] if out_first else shape[:-1]) if len(shape) > 1 else 1
    return values * np.float32(min(0.1, n_inputs**-0.5))


def _ids(top: int, *shape: int) -> Array:
    """Numbers below ``top``."""
    return np.random.default_rng(top).integers(0, top, shape).astype(np.int32)


def _fed(inputs: Sequence[Any], draw: np.random.Generator) -> list[Array]:
    """Arrays as they are, and drawn ones of the shapes."""
    return [
        each if isinstance(each, np.ndarray) else draw.standard_normal(each).astype(np.float32)
        for each in inputs
    ]


def _seeded(title: str) -> np.random.Generator:
    return np.random.default_rng(list(title.encode()))


def _feeds_of(path: Path, feeds: Sequence[Array], names: Sequence[str]) -> dict[str, Array]:
    """The inputs of an artifact by name, of the types that it asks for: by ``names`` where it has
    those, else in order.
    """
    import onnxruntime as ort

    kinds = {
        "tensor(float16)": np.float16,
        "tensor(float)": np.float32,
        "tensor(int64)": np.int64,
        "tensor(int32)": np.int32,
    }
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    inputs = session.get_inputs()
    asked = [value.name.removeprefix("serving_default_").partition(":")[0] for value in inputs]
    if sorted(names) == sorted(asked):
        places = dict(zip(names, feeds, strict=True))
        feeds = [places[name] for name in asked]
    return {
        value.name: feed.astype(kinds[value.type])
        for value, feed in zip(inputs, feeds, strict=True)
    }


def _follows(path: Path, made: Made, feeds: Sequence[Array], slack: float) -> None:
    """Raise an error unless onnxruntime's outputs are the model's; pass where it has no kernel."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        if type(error).__name__ == "NotImplemented":  # a type of an operator
            return
        raise
    compare(session.run(None, _feeds_of(path, feeds, made.names)), made.wanted, slack)


# --- what is done to an artifact before it ships


_STEPS: Final[Mapping[str, Step]] = {
    **POSTPROCESSORS,
    "fp16-common": halved,
    "int8-qdq-channels": channels,
}
_DRAWS: Final = (  # for every third case in turn
    ("onnxsim", "fp16-common", "ort-extended"),
    ("onnxslim", "int8-dynamic", "ort-basic"),
    ("ort-all", "int8-qdq", "onnxslim+fp16-common"),
    ("int8-qdq-channels", "onnxsim+int8-dynamic"),
)
_SLACKS: Final = {"int8": 0.6, "fp16": 0.1}  # for what is rounded


def _finish(made: Made, steps: Sequence[str], folder: Path) -> None:
    """The truth, every export that follows the model, and what is made of each."""
    truth = [[name, [int(size) for size in shape], []] for name, shape in made.truth]
    (folder / "truth.json").write_text(json.dumps(truth))

    def checked(write: Write, variant: str, path: Path) -> None:
        write(path)
        slack = next((size for word, size in _SLACKS.items() if word in variant), 0.0)
        _follows(path, made, feeds, max(slack, made.slack))

    for exporter, write in made.exports.items():
        feeds = list(made.feeds)
        if exporter in made.turned:
            feeds = [np.moveaxis(each, -1, 1) if each.ndim == 4 else each for each in feeds]
        source = make(folder, exporter, partial(checked, write, exporter))
        if source is None or not steps:
            continue
        with tempfile.TemporaryDirectory() as work:
            inputs = Path(work) / "inputs.npz"
            save: Any = np.savez
            save(inputs, **_feeds_of(source, feeds, made.names))
            for step in steps:
                variant = f"{exporter}+{step}"
                ship = partial(shipped, _STEPS, step.split("+"), source, inputs)
                make(folder, variant, partial(checked, ship, variant))


def _emptied(path: Path) -> Path:
    if path.is_dir():
        shutil.rmtree(path)
    return path


# --- Keras: how a model is exported and saved


class Keras(NamedTuple):
    """A model of Keras: what makes it of the library, its inputs (shapes, or arrays), the layout of
    its checkpoint, its exporters.
    """

    build: Callable[[Any], Any]
    inputs: Sequence[Any]
    form: str = "keras"
    exporters: str = "keras function"
    backend: str = "tensorflow"


def _specs(feeds: Sequence[Array], names: Sequence[str]) -> list[Any]:
    tf: Any = import_module("tensorflow")
    return [
        tf.TensorSpec([None, *each.shape[1:]], each.dtype, name=name)
        for each, name in zip(feeds, names, strict=True)
    ]


def _command(*words: str) -> None:
    """tf2onnx's command."""
    convert: Any = import_module("tf2onnx.convert")
    with patch.object(sys, "argv", ["tf2onnx", *words]):
        convert.main()


def _given(model: Any, values: Sequence[Any]) -> Any:
    """What a model of Keras is called with: a value, a list or a dictionary of them."""
    if len(values) == 1 and not isinstance(getattr(model, "_inputs_struct", None), dict):
        return values[0]
    if isinstance(getattr(model, "_inputs_struct", None), dict):
        return {each.name: value for each, value in zip(model.inputs, values, strict=True)}
    return list(values)


def _keras_exports(model: Any, feeds: Sequence[Array]) -> dict[str, Write]:
    """Every way from a model of Keras on TensorFlow to a file."""
    tf: Any = import_module("tensorflow")
    inputs = getattr(model, "inputs", None) or []
    names = [each.name for each in inputs] if len(inputs) == len(feeds) else []
    names = names or [f"input_{at}" for at in range(len(feeds))]
    specs = _specs(feeds, names)

    def own(path: Path) -> None:
        given = {} if inputs else {"input_signature": [_given(model, specs)]}
        model.export(str(path), format="onnx", verbose=False, **given)

    def own_opset(path: Path) -> None:
        model.export(str(path), format="onnx", verbose=False, opset_version=17)

    def function(path: Path, **given: Any) -> None:
        call = tf.function(lambda *values: model(_given(model, values), training=False))
        convert: Any = import_module("tf2onnx.convert")
        convert.from_function(call, specs, output_path=str(path), **given)

    def whole(path: Path) -> None:
        convert: Any = import_module("tf2onnx.convert")
        convert.from_keras(model, specs, opset=15, output_path=str(path))

    def saved(path: Path) -> None:
        with tempfile.TemporaryDirectory() as work:
            model.export(f"{work}/saved", verbose=False)
            _command("--saved-model", f"{work}/saved", "--output", str(path), "--opset", "16")

    def lite(path: Path) -> None:
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        with tempfile.TemporaryDirectory() as work:
            Path(work, "model.tflite").write_bytes(converter.convert())
            _command("--tflite", f"{work}/model.tflite", "--output", str(path), "--opset", "15")

    turned = [name for name, each in zip(names, feeds, strict=True) if each.ndim == 4]
    return {
        "keras": own,
        "keras-opset17": own_opset,
        "function": partial(function, opset=13),
        "function-opset18": partial(function, opset=18),
        "function-nchw": partial(function, inputs_as_nchw=turned),
        "from_keras": whole,
        "saved_model": saved,
        "tflite": lite,
    }


def _keras_jax(model: Any, feeds: Sequence[Array]) -> dict[str, Write]:
    """Ways of a model of Keras on JAX."""

    def own(path: Path) -> None:
        model.export(str(path), format="onnx", verbose=False)

    def other(path: Path) -> None:
        def call(*values: Any) -> Any:
            return model(_given(model, values), training=False)

        _to_onnx(call, feeds, path)

    return {"keras": own, "jax2onnx": other}


def _save_keras(model: Any, form: str, folder: Path) -> None:
    if form == "keras":
        model.save(folder / "ref.keras")
    elif form == "h5":
        model.save(folder / "ref.h5")
    elif form == "weights":
        model.save_weights(folder / "ref.weights.h5")
    elif form == "sharded":
        _emptied(folder / "ref").mkdir()
        model.save_weights(folder / "ref" / "model.weights.json", max_shard_size=2e-5)
    elif form == "folder":
        _emptied(folder / "ref").mkdir()
        model.save(folder / "ref" / "model.keras")
    elif form == "saved_model":
        model.export(str(_emptied(folder / "ref")), verbose=False)
    else:
        raise ValueError(form)


def _fill_keras(model: Any, draw: np.random.Generator) -> None:
    for variable in model.weights:
        if "float" in str(variable.dtype):
            variable.assign(_drawn(variable.path, tuple(variable.shape), draw, False))
    for layer in model.layers:
        if hasattr(layer, "finalize_state"):  # what it computes with is made of its statistics
            layer.finalize_state()


def _build_keras(title: str, case: Keras, steps: Sequence[str], folder: Path) -> None:
    os.environ["KERAS_BACKEND"] = case.backend
    keras: Any = import_module("keras")
    keras.utils.set_random_seed(7)
    draw = _seeded(title)
    model = case.build(keras)
    feeds = _fed(case.inputs, draw)
    model(_given(model, feeds))
    _fill_keras(model, draw)
    answer = model(_given(model, feeds), training=False)
    wanted = [keras.ops.convert_to_numpy(each) for each in keras.tree.flatten(answer)]
    _save_keras(model, case.form, folder)
    ways = _keras_exports if case.backend == "tensorflow" else _keras_jax
    every = ways(model, feeds)
    half = any("float16" in str(layer.compute_dtype) for layer in model.layers)
    made = Made(
        [(each.path, tuple(each.shape)) for each in model.trainable_weights],
        feeds,
        wanted,
        {name: every[name] for name in case.exporters.split()},
        frozenset({"function-nchw"}),
        0.05 if half else 2e-3,
        [each.name for each in getattr(model, "inputs", None) or ()],
    )
    _finish(made, steps, folder)


# --- Keras: models


def _perceptron(k: Any) -> Any:
    """Dense layers with an activation that learns, and a norm."""
    layers = k.layers
    return k.Sequential(
        [
            k.Input((12,)),
            layers.Dense(32),
            layers.PReLU(),
            layers.LayerNormalization(),
            layers.Dense(32, activation="swish"),
            layers.Dropout(0.2),
            layers.Dense(32, activation="relu", use_bias=False),
            layers.Dense(5, activation="softmax"),
        ]
    )


def _signals(k: Any) -> Any:
    """Convolutions along one axis of every kind."""
    layers = k.layers
    given = k.Input((24, 8))
    held = layers.Conv1D(16, 5, padding="causal", activation="relu")(given)
    held = layers.SeparableConv1D(20, 3, padding="same", depth_multiplier=2)(held)
    held = layers.BatchNormalization()(held)
    held = layers.DepthwiseConv1D(3, padding="same")(held)
    held = layers.MaxPooling1D(2)(held)
    held = layers.Conv1D(24, 3, dilation_rate=2, padding="same", activation="swish")(held)
    held = layers.Conv1DTranspose(12, 4, strides=2, padding="same")(held)
    return k.Model(given, layers.Dense(6)(layers.GlobalMaxPooling1D()(held)))


def _pictures(k: Any) -> Any:
    """Convolutions of pictures: strided, dilated, by depth, in two steps."""
    layers = k.layers
    given = k.Input((20, 20, 3), name="picture")
    held = layers.Conv2D(16, 3, strides=2, use_bias=False, name="stem")(given)
    held = layers.ReLU(6.0)(layers.BatchNormalization(name="stem_bn")(held))
    held = layers.DepthwiseConv2D(3, padding="same", use_bias=False, depth_multiplier=2)(held)
    held = layers.Activation("relu")(layers.BatchNormalization()(held))
    held = layers.Conv2D(32, 3, padding="same")(held)
    held = layers.LeakyReLU()(layers.BatchNormalization(scale=False)(held))
    held = layers.SeparableConv2D(24, 3, padding="same", activation="relu")(held)
    held = layers.Conv2D(24, 3, dilation_rate=2, padding="same")(held)
    held = layers.PReLU(shared_axes=[1, 2])(held)
    held = layers.AveragePooling2D(2)(held)
    return k.Model(given, layers.Dense(10)(layers.Flatten()(held)))


def _volumes(k: Any) -> Any:
    """Three axes, down and up again."""
    layers = k.layers
    given = k.Input((8, 8, 8, 2))
    held = layers.Conv3D(12, 3, strides=2, padding="same", use_bias=False)(given)
    held = layers.Activation("relu")(layers.BatchNormalization()(held))
    held = layers.Conv3D(12, 3, padding="same", activation="relu")(held)
    held = layers.Conv3D(12, 1, activation="relu")(held)
    held = layers.Conv3DTranspose(6, 2, strides=2)(held)
    return k.Model(given, layers.Conv3D(3, 1)(held))


def _grouped(k: Any) -> Any:
    """Groups of channels, an exact gelu: what tf2onnx does not write."""
    layers = k.layers
    given = k.Input((12, 12, 8))
    held = given
    for width, groups in ((16, 4), (16, 2), (16, 16)):
        held = layers.Conv2D(width, 3, padding="same", groups=groups)(held)
        held = layers.Activation("gelu")(layers.GroupNormalization(4)(held))
    return k.Model(given, layers.Dense(5)(layers.GlobalMaxPooling2D()(held)))


def _unet(k: Any) -> Any:
    """Down and up with skips, pairs of convolutions of equal shapes."""
    layers = k.layers

    def pair(held: Any, width: int) -> Any:
        for _ in range(2):
            held = layers.Conv2D(width, 3, padding="same", use_bias=False)(held)
            held = layers.Activation("relu")(layers.BatchNormalization()(held))
        return held

    given = k.Input((16, 16, 3))
    first = pair(given, 8)
    second = pair(layers.MaxPooling2D()(first), 16)
    held = pair(layers.MaxPooling2D()(second), 24)
    for skip, width in ((second, 16), (first, 8)):
        held = layers.Conv2DTranspose(width, 2, strides=2)(held)
        held = pair(layers.Concatenate()([held, skip]), width)
    return k.Model(given, layers.Conv2D(2, 1, activation="sigmoid", name="mask")(held))


def _lstm(k: Any) -> Any:
    layers = k.layers
    return k.Sequential(
        [
            k.Input((9,), dtype="int32"),
            layers.Embedding(50, 20),
            layers.LSTM(24, return_sequences=True),
            layers.LSTM(24),
            layers.Dense(24, activation="tanh"),
            layers.Dense(4),
        ]
    )


def _gru(k: Any) -> Any:
    """Both kinds of gated units, and a state that is an output."""
    layers = k.layers
    given = k.Input((7, 10))
    held, state = layers.GRU(16, return_sequences=True, return_state=True)(given)
    held = layers.GRU(16, reset_after=False)(held)
    return k.Model(given, layers.Dense(3)(layers.Concatenate()([held, state])))


def _both_ways(k: Any) -> Any:
    """Recurrent layers that run both ways, their ends joined in several manners."""
    layers = k.layers
    given = k.Input((6, 9))
    held = layers.Bidirectional(layers.LSTM(12, return_sequences=True))(given)
    held = layers.Bidirectional(layers.GRU(10, return_sequences=True), merge_mode="sum")(held)
    held = layers.Bidirectional(layers.SimpleRNN(10), merge_mode="concat")(held)
    return k.Model(given, layers.Dense(4)(held))


def _films(k: Any) -> Any:
    """Recurrent convolutions over pictures, and a convolution of each picture."""
    layers = k.layers
    given = k.Input((4, 8, 8, 3))
    held = layers.TimeDistributed(layers.Conv2D(6, 3, padding="same", activation="relu"))(given)
    held = layers.ConvLSTM2D(8, 3, padding="same", return_sequences=True)(held)
    held = layers.TimeDistributed(layers.BatchNormalization())(held)
    held = layers.ConvLSTM2D(8, 3, padding="same", use_bias=False)(held)
    return k.Model(given, layers.Conv2D(1, 3, padding="same")(held))


def _cells(k: Any) -> Any:
    """Cells on top of each other in one layer, and one after another without a loop."""
    layers = k.layers
    given = k.Input((5, 8))
    cells = [layers.LSTMCell(12), layers.GRUCell(12), layers.SimpleRNNCell(12)]
    held = layers.RNN(layers.StackedRNNCells(cells), return_sequences=True, unroll=True)(given)
    held = layers.TimeDistributed(layers.Dense(12, activation="relu"))(held)
    held = layers.LSTM(12, unroll=True, go_backwards=True)(held)
    return k.Model(given, layers.Dense(2)(held))


def _norms(k: Any) -> Any:
    """Norms of every kind, some with half of their parameters."""
    layers = k.layers
    given = k.Input((10, 10, 8))
    held = layers.SpectralNormalization(layers.Conv2D(16, 3, padding="same"))(given)
    held = layers.GroupNormalization(4)(held)
    held = layers.Conv2D(16, 1, activation="elu")(held)
    held = layers.LayerNormalization(axis=[1, 2, 3], name="all_axes")(held)
    held = layers.Conv2D(16, 1)(held)
    held = layers.BatchNormalization(center=False)(layers.UnitNormalization()(held))
    held = layers.GlobalAveragePooling2D()(held)
    held = layers.SpectralNormalization(layers.Dense(16, activation="selu"))(held)
    held = layers.RMSNormalization()(held)
    held = layers.LayerNormalization(scale=False)(layers.Dense(16)(held))
    return k.Model(given, layers.Dense(3)(held))


def _heads(k: Any) -> Any:
    """Attention of many heads to itself, to others, with fewer keys, and its own projections."""
    layers = k.layers
    given, other = k.Input((6, 24), name="first"), k.Input((8, 20), name="second")
    held = given + layers.MultiHeadAttention(4, 6)(given, given)
    held = layers.LayerNormalization()(held)
    held = held + layers.MultiHeadAttention(3, 8, value_dim=5, use_bias=False)(held, other)
    held = layers.GroupQueryAttention(6, 4, 2)(held, held)
    held = layers.EinsumDense("abc,cde->abde", (None, 4, 8), bias_axes="de")(held)
    held = layers.Activation("tanh")(held)
    held = layers.EinsumDense("abde,dec->abc", (None, 24), bias_axes="c")(held)
    return k.Model([given, other], layers.Dense(4)(layers.GlobalAveragePooling1D()(held)))


def _scored(k: Any) -> Any:
    """Attention with a scale that learns, between an encoder and a decoder that are recurrent."""
    layers = k.layers
    source, target = k.Input((7,), dtype="int32"), k.Input((5,), dtype="int32")
    held, *state = layers.LSTM(16, return_sequences=True, return_state=True)(
        layers.Embedding(40, 16, name="source_words")(source)
    )
    asked = layers.LSTM(16, return_sequences=True)(
        layers.Embedding(40, 16, name="target_words")(target), initial_state=state
    )
    seen = layers.AdditiveAttention()([asked, held])
    more = layers.Attention(use_scale=True)([asked, held])
    held = layers.Concatenate()([asked, seen, more])
    return k.Model([source, target], layers.TimeDistributed(layers.Dense(40))(held))


def _factors(k: Any) -> Any:
    """Factors of users and items and their biases, tables of equal shapes, a deep part beside."""
    layers = k.layers
    user, item = (k.Input((1,), dtype="int32", name=name) for name in ("user", "item"))
    tables = [layers.Embedding(60, 12)(each) for each in (user, item)]
    biases = [layers.Embedding(60, 1)(each) for each in (user, item)]
    near = layers.Dot(axes=2)(tables)
    wide = layers.Flatten()(layers.Add()([near, *biases]))
    held = layers.Flatten()(layers.Concatenate()(tables))
    for width in (24, 24, 12):
        held = layers.Dropout(0.1)(layers.Dense(width, activation="relu")(held))
    return k.Model([user, item], layers.Dense(1)(layers.Concatenate()([wide, held])))


def _nested(k: Any) -> Any:
    """Models within models: a functional one, a sequential one, and one more within that."""
    layers = k.layers
    given = k.Input((12, 12, 3))
    held = layers.Conv2D(12, 3, padding="same")(given)
    held = layers.ReLU()(layers.BatchNormalization()(held))
    backbone = k.Model(given, layers.Conv2D(16, 3, strides=2)(held), name="backbone")
    inner = k.Sequential([layers.Dense(16, activation="relu"), layers.Dense(16)], name="inner")
    head = k.Sequential(
        [layers.GlobalAveragePooling2D(), inner, layers.Dense(5, name="classes")], name="head"
    )
    picture = k.Input((12, 12, 3))
    return k.Model(picture, head(backbone(layers.Rescaling(1.0 / 127, -1.0)(picture))))


def _twins(k: Any) -> Any:
    """Layers that are called for each of two inputs, and a distance."""
    layers = k.layers
    tower = k.Sequential(
        [
            layers.Conv1D(16, 3, activation="relu"),
            layers.GlobalAveragePooling1D(),
            layers.Dense(16),
        ],
        name="tower",
    )
    left, right = (k.Input((10, 6), name=name) for name in ("left", "right"))
    norm = layers.LayerNormalization(name="common")
    one, two = (norm(tower(each)) for each in (left, right))
    far = layers.Subtract()([one, two])
    common = layers.Dense(16, activation="relu", name="twice")
    return k.Model([left, right], layers.Dense(1)(common(common(far * far))))


def _subclassed(k: Any) -> Any:
    """A class with lists of layers and weights of its own."""
    layers = k.layers

    class Scale(layers.Layer):  # type: ignore[misc, name-defined]
        def build(self, shape: Any) -> None:
            self.amount = self.add_weight(shape=(shape[-1],), name="amount")
            self.moved = self.add_weight(shape=(1, 1, shape[-1]), name="moved")

        def call(self, held: Any) -> Any:
            return held * (1 + self.amount) + self.moved

    class Block(layers.Layer):  # type: ignore[misc, name-defined]
        def __init__(self, width: int, **given: Any) -> None:
            super().__init__(**given)
            self.norm = layers.LayerNormalization(epsilon=1e-6)
            self.up, self.down = layers.Dense(2 * width), layers.Dense(width)
            self.scale = Scale()

        def build(self, shape: Any) -> None:
            self.norm.build(shape)
            self.up.build(shape)
            self.down.build((*shape[:-1], self.up.units))
            self.scale.build(shape)

        def call(self, held: Any) -> Any:
            return held + self.scale(self.down(k.ops.gelu(self.up(self.norm(held)))))

    class Net(k.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.enter = layers.Dense(20, name="enter")
            self.blocks = [Block(20, name=f"block_{at}") for at in range(3)]
            self.leave = {"a": layers.Dense(3), "b": layers.Dense(3)}

        def build(self, shape: Any) -> None:
            self.enter.build(shape)
            for block in self.blocks:
                block.build((*shape[:-1], 20))
            for part in self.leave.values():
                part.build((*shape[:-1], 20))

        def call(self, held: Any) -> Any:
            held = self.enter(held)
            for block in self.blocks:
                held = block(held)
            return self.leave["a"](held), self.leave["b"](held)

    net = Net()
    net.build((None, 6, 8))
    return net


def _stacked(k: Any) -> Any:
    """Layers of equal shapes one on the other, without anything that tells them apart."""
    layers = k.layers
    given = k.Input((8, 8, 16))
    held = given
    for _ in range(4):
        held = held + layers.Conv2D(16, 3, padding="same", use_bias=False)(held)
    held = layers.GlobalAveragePooling2D()(held)
    for _ in range(5):
        held = layers.Dense(16, activation="tanh", use_bias=False)(held)
    return k.Model(given, held)


def _words(k: Any) -> Any:
    """A classifier of texts: places added to words, blocks as a class."""
    layers = k.layers
    given = k.Input((10,), dtype="int32")

    class Placed(layers.Layer):  # type: ignore[misc, name-defined]
        def __init__(self, **rest: Any) -> None:
            super().__init__(**rest)
            self.token_emb, self.pos_emb = layers.Embedding(70, 24), layers.Embedding(10, 24)

        def build(self, shape: Any) -> None:
            self.token_emb.build(shape)
            self.pos_emb.build((10,))

        def call(self, words: Any) -> Any:
            return self.token_emb(words) + self.pos_emb(np.arange(10, dtype=np.int32))

    held = Placed(name="placed")(given)
    for _ in range(2):
        seen = layers.MultiHeadAttention(3, 8, dropout=0.1)(held, held)
        held = layers.LayerNormalization(epsilon=1e-6)(held + seen)
        inner = k.Sequential([layers.Dense(48, activation="relu"), layers.Dense(24)])
        held = layers.LayerNormalization(epsilon=1e-6)(held + inner(held))
    held = layers.Dense(20, activation="relu")(layers.GlobalAveragePooling1D()(held))
    return k.Model(given, layers.Dense(2, activation="softmax")(held))


def _decoder(k: Any) -> Any:
    """A language model with a mask of the future and a table that is also its head."""
    layers = k.layers
    given = k.Input((8,), dtype="int32")
    table = layers.ReversibleEmbedding(64, 24, name="words")
    held = table(given)
    for at in range(2):
        told = layers.RMSNormalization(name=f"norm_{at}_a")(held)
        held = held + layers.GroupQueryAttention(6, 4, 2, use_bias=False, name=f"heads_{at}")(
            told, told, use_causal_mask=True
        )
        told = layers.RMSNormalization(name=f"norm_{at}_b")(held)
        gate = layers.Dense(40, activation="silu", use_bias=False, name=f"gate_{at}")(told)
        up = layers.Dense(40, use_bias=False, name=f"up_{at}")(told)
        held = held + layers.Dense(24, use_bias=False, name=f"down_{at}")(gate * up)
    held = layers.RMSNormalization(name="norm")(held)
    return k.Model(given, table(held, reverse=True))


def _patches(k: Any) -> Any:
    """A transformer of patches with a word for the class, which a layer of its own adds."""
    layers = k.layers

    class Start(layers.Layer):  # type: ignore[misc, name-defined]
        def build(self, shape: Any) -> None:
            self.cls = self.add_weight(shape=(1, 1, shape[-1]), name="cls")
            self.places = self.add_weight(shape=(1, shape[1] + 1, shape[-1]), name="places")

        def call(self, held: Any) -> Any:
            first = k.ops.broadcast_to(self.cls, (k.ops.shape(held)[0], 1, held.shape[-1]))
            return k.ops.concatenate([first, held], 1) + self.places

    given = k.Input((16, 16, 3))
    held = layers.Conv2D(32, 4, strides=4, padding="valid", name="patch")(given)
    held = Start(name="start")(layers.Reshape((16, 32))(held))
    for at in range(2):
        told = layers.LayerNormalization(name=f"ln1_{at}")(held)
        held = held + layers.MultiHeadAttention(4, 8, name=f"attn_{at}")(told, told)
        told = layers.LayerNormalization(name=f"ln2_{at}")(held)
        told = k.ops.gelu(layers.Dense(64, name=f"fc1_{at}")(told))
        held = held + layers.Dense(32, name=f"fc2_{at}")(told)
    held = layers.LayerNormalization(name="ln")(held)
    return k.Model(given, layers.Dense(6, name="head")(held[:, 0]))


def _mixer(k: Any) -> Any:
    """Dense layers along both axes in turn, square ones."""
    layers = k.layers
    given = k.Input((16, 16))
    held = given
    for _ in range(3):
        told = layers.Permute((2, 1))(layers.LayerNormalization()(held))
        told = layers.Dense(16)(k.ops.gelu(layers.Dense(16)(told)))
        held = held + layers.Permute((2, 1))(told)
        told = k.ops.gelu(layers.Dense(16)(layers.LayerNormalization()(held)))
        held = held + layers.Dense(16)(told)
    return k.Model(given, layers.Dense(4)(layers.GlobalAveragePooling1D()(held)))


def _waves(k: Any) -> Any:
    """Gated convolutions, dilated more and more, with skips."""
    layers = k.layers
    given = k.Input((32, 1))
    held, skips = layers.Conv1D(12, 1)(given), []
    for rate in (1, 2, 4, 8):
        gates = [
            layers.Conv1D(12, 2, padding="causal", dilation_rate=rate, activation=name)(held)
            for name in ("tanh", "sigmoid")
        ]
        told = layers.Multiply()(gates)
        skips.append(layers.Conv1D(12, 1)(told))
        held = layers.Add()([held, layers.Conv1D(12, 1)(told)])
    held = layers.Activation("relu")(layers.Add()(skips))
    return k.Model(given, layers.Conv1D(5, 1)(held))


def _rows(k: Any) -> Any:
    """Numbers made normal by statistics that the model keeps, categories, crossed layers."""
    layers = k.layers
    numbers = k.Input((6,), name="numbers")
    kinds = k.Input((3,), dtype="int32", name="kinds")
    norm = layers.Normalization(name="normal")
    norm.adapt(np.random.default_rng(5).normal(2.0, 3.0, (50, 6)).astype(np.float32))
    tables = [layers.Embedding(9, 4, name=f"kind_{at}")(kinds[:, at]) for at in range(3)]
    start = layers.Concatenate()([norm(numbers), *tables])
    held = start
    for at in range(3):
        held = start * layers.Dense(18, name=f"cross_{at}")(held) + held
    deep = layers.BatchNormalization()(layers.Dense(18, activation="relu")(start))
    return k.Model([numbers, kinds], layers.Dense(1)(layers.Concatenate()([held, deep])))


def _mixed(k: Any) -> Any:
    """Weights in single precision, computed with in half."""
    layers = k.layers
    policy = k.mixed_precision.Policy("mixed_float16")
    given = k.Input((12, 12, 3))
    held = layers.Conv2D(16, 3, dtype=policy)(given)
    held = layers.BatchNormalization(dtype=policy)(held)
    held = layers.Conv2D(16, 3, activation="relu", use_bias=False, dtype=policy)(held)
    held = layers.Dense(24, activation="relu", dtype=policy)(layers.Flatten(dtype=policy)(held))
    return k.Model(given, layers.Dense(4, dtype="float32")(held))


def _variational(k: Any) -> Any:
    """Two heads for a mean and a width, and a decoder behind the mean."""
    layers = k.layers
    given = k.Input((8, 8, 1))
    held = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(given)
    held = layers.Dense(16, activation="relu")(layers.Flatten()(held))
    mean, width = layers.Dense(4, name="z_mean")(held), layers.Dense(4, name="z_log_var")(held)
    point = k.Input((4,))
    held = layers.Reshape((4, 4, 8))(layers.Dense(128, activation="relu")(point))
    held = layers.Conv2DTranspose(8, 3, strides=2, padding="same", activation="relu")(held)
    held = layers.Conv2DTranspose(1, 3, padding="same", activation="sigmoid")(held)
    return k.Model(given, [mean, width, k.Model(point, held, name="decoder")(mean)])


def _squeezed(k: Any) -> Any:
    """Residual blocks whose channels are weighed, and a projection where shapes change."""
    layers = k.layers

    def block(held: Any, width: int, step: int) -> Any:
        told = layers.Conv2D(width, 3, step, padding="same", use_bias=False)(held)
        told = layers.Activation("swish")(layers.BatchNormalization()(told))
        told = layers.Conv2D(width, 3, padding="same", use_bias=False)(told)
        told = layers.BatchNormalization()(told)
        mean = layers.GlobalAveragePooling2D(keepdims=True)(told)
        mean = layers.Dense(width // 4, activation="relu")(mean)
        told = told * layers.Dense(width, activation="sigmoid")(mean)
        if held.shape[-1] != width:
            held = layers.Conv2D(width, 1, step, use_bias=False)(held)
            held = layers.BatchNormalization()(held)
        return layers.ReLU()(layers.Add()([held, told]))

    given = k.Input((16, 16, 3))
    held = layers.ZeroPadding2D(1)(given)
    held = layers.Conv2D(16, 3, use_bias=False)(held)
    for width, step in ((16, 1), (16, 1), (32, 2), (32, 1)):
        held = block(held, width, step)
    return k.Model(given, layers.Dense(8)(layers.GlobalAveragePooling2D()(held)))


def _source(place: str, /, **given: Any) -> Callable[[Any], Any]:
    """A model of a file of keras.applications that the library does not show."""

    def build(k: Any) -> Any:
        home, _, kind = place.rpartition(".")
        found = getattr(import_module(f"keras.src.applications.{home}"), kind)
        return found(weights=None, **given)

    return build


def _residual(k: Any) -> Any:
    """keras.applications' ResNet with narrow stacks."""
    home = import_module("keras.src.applications.resnet")

    def stacks(held: Any) -> Any:
        held = home.stack_residual_blocks_v1(held, 8, 2, stride1=1, name="conv2")
        return home.stack_residual_blocks_v1(held, 16, 2, name="conv3")

    return home.ResNet(
        stacks, False, True, name="resnet", weights=None, input_shape=(32, 32, 3), classes=7
    )


def _hub(kind: str, **given: Any) -> Callable[[Any], Any]:
    """A model of KerasHub."""

    def build(k: Any) -> Any:
        hub: Any = import_module("keras_hub")
        return getattr(hub.models, kind)(**given)

    return build


_ROW: Final = (2, 16, 16, 3)
_IDS: Final = _ids(50, 2, 9)
_KERAS: Final[Mapping[str, Keras]] = {
    "perceptron": Keras(_perceptron, [(3, 12)], "keras", "keras function from_keras tflite"),
    "signals": Keras(_signals, [(2, 24, 8)], "weights", "keras function-opset18 tflite"),
    "pictures": Keras(
        _pictures, [(2, 20, 20, 3)], "keras", "keras function function-nchw saved_model tflite"
    ),
    "volumes": Keras(_volumes, [(1, 8, 8, 8, 2)], "h5", "keras function"),
    "unet": Keras(_unet, [_ROW], "h5", "keras function-nchw saved_model tflite"),
    "lstm": Keras(_lstm, [_IDS], "keras", "keras function saved_model"),
    "gru": Keras(_gru, [(2, 7, 10)], "weights", "keras function-opset18"),
    "both_ways": Keras(_both_ways, [(2, 6, 9)], "h5", "keras function saved_model"),
    "films": Keras(_films, [(1, 4, 8, 8, 3)], "keras", "keras function"),
    "cells": Keras(_cells, [(2, 5, 8)], "weights", "keras function"),
    "norms": Keras(_norms, [(2, 10, 10, 8)], "weights", "keras function tflite"),
    "heads": Keras(_heads, [(2, 6, 24), (2, 8, 20)], "keras", "keras function-opset18"),
    "scored": Keras(_scored, [_ids(40, 2, 7), _ids(40, 2, 5)], "h5", "keras function"),
    "factors": Keras(_factors, [_ids(60, 3, 1), _ids(59, 3, 1)], "keras", "keras saved_model"),
    "nested": Keras(_nested, [(2, 12, 12, 3)], "h5", "keras function-nchw from_keras"),
    "twins": Keras(_twins, [(2, 10, 6), (2, 10, 6)], "keras", "keras function"),
    "subclassed": Keras(_subclassed, [(2, 6, 8)], "weights", "keras function"),
    "stacked": Keras(_stacked, [(2, 8, 8, 16)], "keras", "keras function tflite"),
    "stacked_weights": Keras(_stacked, [(2, 8, 8, 16)], "weights", "keras-opset17 saved_model"),
    "words": Keras(_words, [_ids(70, 2, 10)], "keras", "keras function saved_model tflite"),
    "decoder": Keras(_decoder, [_ids(64, 2, 8)], "weights", "keras function-opset18"),
    "patches": Keras(_patches, [_ROW], "weights", "keras function tflite"),
    "mixer": Keras(_mixer, [(2, 16, 16)], "h5", "keras function"),
    "waves": Keras(_waves, [(2, 32, 1)], "keras", "keras function tflite"),
    "rows": Keras(_rows, [(3, 6), _ids(9, 3, 3)], "keras", "saved_model tflite"),
    "mixed": Keras(_mixed, [(2, 12, 12, 3)], "keras", "keras function"),
    "variational": Keras(_variational, [(2, 8, 8, 1)], "h5", "keras function"),
    "squeezed": Keras(_squeezed, [_ROW], "saved_model", "keras saved_model function-nchw"),
    "squeezed_folder": Keras(_squeezed, [_ROW], "folder", "keras-opset17 tflite"),
    "words_sharded": Keras(_words, [_ids(70, 2, 10)], "sharded", "keras"),
    "mobilenet": Keras(
        _source("mobilenet.MobileNet", alpha=0.25, input_shape=(32, 32, 3), classes=9),
        [(1, 32, 32, 3)],
        "h5",
        "keras saved_model tflite",
    ),
    "mobilenet_v2": Keras(
        _source("mobilenet_v2.MobileNetV2", alpha=0.35, input_shape=(32, 32, 3), classes=9),
        [(1, 32, 32, 3)],
        "weights",
        "keras function-nchw",
    ),
    "mobilenet_v3": Keras(
        _source("mobilenet_v3.MobileNetV3Small", alpha=0.35, input_shape=(32, 32, 3), classes=9),
        [(1, 32, 32, 3)],
        "keras",
        "keras function tflite",
    ),
    "efficientnet": Keras(
        _source(
            "efficientnet.EfficientNet",
            width_coefficient=0.35,
            depth_coefficient=0.5,
            default_size=32,
            input_shape=(32, 32, 3),
            classes=9,
        ),
        [(1, 32, 32, 3)],
        "keras",
        "saved_model tflite",
    ),
    "efficientnet_v2": Keras(
        _source(
            "efficientnet_v2.EfficientNetV2",
            name="efficientnetv2-b0",
            width_coefficient=0.25,
            depth_coefficient=0.3,
            default_size=32,
            input_shape=(32, 32, 3),
            classes=9,
        ),
        [(1, 32, 32, 3)],
        "h5",
        "saved_model tflite",
    ),
    "densenet": Keras(
        _source("densenet.DenseNet", blocks=[2, 2, 2, 2], input_shape=(32, 32, 3), classes=9),
        [(1, 32, 32, 3)],
        "keras",
        "keras function tflite",
    ),
    "nasnet": Keras(
        _source(
            "nasnet.NASNet",
            input_shape=(32, 32, 3),
            penultimate_filters=96,
            num_blocks=1,
            stem_block_filters=8,
            skip_reduction=False,
            classes=9,
        ),
        [(1, 32, 32, 3)],
        "weights",
        "keras function",
    ),
    "resnet": Keras(_residual, [(1, 32, 32, 3)], "h5", "keras function-nchw tflite"),
    "jax-pictures": Keras(_pictures, [(2, 20, 20, 3)], "keras", "keras jax2onnx", "jax"),
    "jax-words": Keras(_words, [_ids(70, 2, 10)], "weights", "keras jax2onnx", "jax"),
    "jax-gru": Keras(_gru, [(2, 7, 10)], "h5", "keras jax2onnx", "jax"),
    "jax-convnext": Keras(
        _source(
            "convnext.ConvNeXt",
            depths=[1, 1, 2, 1],
            projection_dims=[16, 24, 32, 40],
            input_shape=(32, 32, 3),
            classes=9,
        ),
        [(1, 32, 32, 3)],
        "weights",
        "keras jax2onnx",
        "jax",
    ),
    "jax-grouped": Keras(_grouped, [(2, 12, 12, 8)], "keras", "keras jax2onnx", "jax"),
    "hub-bert": Keras(
        _hub(
            "BertBackbone",
            vocabulary_size=50,
            num_layers=2,
            num_heads=4,
            hidden_dim=24,
            intermediate_dim=48,
            max_sequence_length=12,
        ),
        [np.ones((2, 9), np.int32), _ids(2, 2, 9), _IDS],
        "weights",
    ),
    "hub-gpt2": Keras(
        _hub(
            "GPT2Backbone",
            vocabulary_size=50,
            num_layers=2,
            num_heads=4,
            hidden_dim=24,
            intermediate_dim=48,
            max_sequence_length=12,
        ),
        [np.ones((2, 9), np.int32), _IDS],
        "keras",
    ),
    "hub-llama": Keras(
        _hub(
            "LlamaBackbone",
            vocabulary_size=50,
            num_layers=2,
            num_query_heads=4,
            hidden_dim=32,
            intermediate_dim=48,
            num_key_value_heads=2,
            tie_word_embeddings=True,
        ),
        [np.ones((2, 9), np.int32), _IDS],
        "weights",
    ),
    "hub-resnet": Keras(
        _hub(
            "ResNetBackbone",
            input_conv_filters=[64],
            input_conv_kernel_sizes=[7],
            stackwise_num_filters=[64, 64],
            stackwise_num_blocks=[1, 1],
            stackwise_num_strides=[1, 2],
            block_type="basic_block",
            image_shape=(32, 32, 3),
        ),
        [(1, 32, 32, 3)],
        "weights",
        "keras function saved_model tflite",
    ),
}


# --- TensorFlow without Keras


def _module_exports(module: Any, feeds: Sequence[Array]) -> dict[str, Write]:
    """A function of a module, its SavedModel, and its frozen graph."""
    tf: Any = import_module("tensorflow")
    specs = _specs(feeds, [f"x{at}" for at in range(len(feeds))])
    call = tf.function(module.__call__, input_signature=specs)

    def function(path: Path) -> None:
        convert: Any = import_module("tf2onnx.convert")
        convert.from_function(call, specs, output_path=str(path))

    def saved(path: Path) -> None:
        with tempfile.TemporaryDirectory() as work:
            tf.saved_model.save(module, f"{work}/saved", signatures=call)
            _command("--saved-model", f"{work}/saved", "--output", str(path))

    def frozen(path: Path) -> None:
        fixed = import_module("tensorflow.python.framework.convert_to_constants")
        graph = fixed.convert_variables_to_constants_v2(call.get_concrete_function())
        ends = [[each.name for each in part] for part in (graph.inputs, graph.outputs)]
        with tempfile.TemporaryDirectory() as work:
            Path(work, "frozen.pb").write_bytes(graph.graph.as_graph_def().SerializeToString())
            inputs, outputs = (",".join(names) for names in ends)
            words = ["--graphdef", f"{work}/frozen.pb", "--inputs", inputs, "--outputs", outputs]
            _command(*words, "--output", str(path))

    return {"function": function, "saved_model": saved, "frozen": frozen}


def _net_module(tf: Any) -> Any:
    """Layers as modules with variables, an unnamed list of them."""

    class Dense(tf.Module):  # type: ignore[misc]
        def __init__(self, n_in: int, n_out: int, name: str | None = None) -> None:
            super().__init__(name)
            self.w = tf.Variable(tf.zeros((n_in, n_out)), name="w")
            self.b = tf.Variable(tf.zeros(n_out), name="b")

        def __call__(self, held: Any) -> Any:
            return held @ self.w + self.b

    class Net(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__("net")
            self.filters = tf.Variable(tf.zeros((3, 3, 2, 12)), name="filters")
            self.scale = tf.Variable(tf.zeros(12), name="scale")
            self.layers = [Dense(12, 12, f"dense_{at}") for at in range(3)]
            self.head = Dense(12, 4, "head")

        def __call__(self, held: Any) -> Any:
            held = tf.nn.relu(tf.nn.conv2d(held, self.filters, 1, "SAME")) * self.scale
            held = tf.reduce_mean(held, [1, 2])
            for layer in self.layers:
                held = tf.nn.tanh(layer(held))
            return self.head(held)

    return Net()


def _table_module(tf: Any) -> Any:
    """A table of words, attention by matrix products, a norm by hand."""

    class Net(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__("net")
            sizes: dict[str, tuple[int, ...]] = {
                "table": (40, 16),
                "q": (16, 16),
                "k": (16, 16),
                "v": (16, 16),
            }
            sizes |= {"o": (16, 16), "scale": (16,), "offset": (16,), "head": (16, 40)}
            self.parts = {
                name: tf.Variable(tf.zeros(shape), name=name) for name, shape in sizes.items()
            }

        def __call__(self, words: Any) -> Any:
            of = self.parts
            held = tf.gather(of["table"], words)
            scores = tf.matmul(held @ of["q"], held @ of["k"], transpose_b=True) / 4.0
            held = held + (tf.nn.softmax(scores) @ (held @ of["v"])) @ of["o"]
            mean, variance = tf.nn.moments(held, [-1], keepdims=True)
            held = (held - mean) * tf.math.rsqrt(variance + 1e-5) * of["scale"] + of["offset"]
            return held @ of["head"]

    return Net()


class TensorFlow(NamedTuple):
    """A module of TensorFlow, its inputs, the layout of its checkpoint."""

    build: Callable[[Any], Any]
    inputs: Sequence[Any]
    form: str


def _build_tensorflow(title: str, case: TensorFlow, steps: Sequence[str], folder: Path) -> None:
    tf: Any = import_module("tensorflow")
    draw = _seeded(title)
    module = case.build(tf)
    feeds = _fed(case.inputs, draw)
    for variable in module.variables:
        variable.assign(_drawn(variable.name.partition(":")[0], variable.shape, draw, False))
    target = _emptied(folder / "ref")
    if case.form == "checkpoint":
        tf.train.Checkpoint(model=module).write(str(target / "ckpt"))
    else:
        specs = _specs(feeds, [f"x{at}" for at in range(len(feeds))])
        call = tf.function(module.__call__, input_signature=specs)
        tf.saved_model.save(module, str(target), signatures=call)
    truth = [(each.name.partition(":")[0], each.shape) for each in module.trainable_variables]
    wanted = [module(*map(tf.constant, feeds)).numpy()]
    _finish(Made(truth, feeds, wanted, _module_exports(module, feeds)), steps, folder)


_TENSORFLOW: Final[Mapping[str, TensorFlow]] = {
    "module": TensorFlow(_net_module, [(2, 8, 8, 2)], "checkpoint"),
    "module_saved": TensorFlow(_net_module, [(2, 8, 8, 2)], "saved_model"),
    "table": TensorFlow(_table_module, [_ids(40, 2, 6)], "checkpoint"),
}

# --- JAX: how a model is exported and saved

Named = Mapping[str, Array]  # by path, with slashes


def _to_onnx(call: Callable[..., Any], feeds: Sequence[Array], path: Path, **given: Any) -> None:
    jax: Any = import_module("jax")
    shapes = [jax.ShapeDtypeStruct(each.shape, each.dtype) for each in feeds]
    convert: Any = import_module("jax2onnx").to_onnx
    convert(call, inputs=shapes, return_mode="file", output_path=str(path), **given)


def _jax_exports(call: Callable[..., Any], feeds: Sequence[Array]) -> dict[str, Write]:
    return {
        "jax2onnx": lambda path: _to_onnx(call, feeds, path),
        "jax2onnx-opset21": lambda path: _to_onnx(call, feeds, path, opset=21),
    }


def _save_arrays(form: str, named: Named, tree: Any, folder: Path) -> None:
    """Arrays by name, or the tree that a library has."""
    if form in ("npz", "npz-dots"):
        save: Any = np.savez
        dots = form == "npz-dots"
        titles = {name.replace("/", ".") if dots else name: name for name in named}
        save(folder / "ref.npz", **{title: named[name] for title, name in titles.items()})
    elif form == "safetensors":
        library: Any = import_module("safetensors.numpy")
        kept = {name.replace("/", "."): np.ascontiguousarray(named[name]) for name in named}
        library.save_file(kept, folder / "ref.safetensors")
    elif form == "msgpack":
        serial: Any = import_module("flax.serialization")
        (folder / "ref.msgpack").write_bytes(serial.to_bytes(tree))
    elif form == "orbax":
        orbax: Any = import_module("orbax.checkpoint")
        with orbax.StandardCheckpointer() as writer:
            writer.save(_emptied(folder / "ref").resolve(), tree)
    elif form == "pickle":
        with open(folder / "ref.pkl", "wb") as file:
            pickle.dump(tree, file)
    else:
        raise ValueError(form)


class Jax(NamedTuple):
    """A model of a library of JAX, its inputs, the layout of its checkpoint."""

    build: Callable[[Any], Any]
    inputs: Sequence[Any]
    form: str
    exporters: str = "jax2onnx jax2onnx-opset21"


def _finish_jax(
    case: Jax,
    call: Callable[..., Any],
    truth: Iterable[tuple[str, Array]],
    feeds: Sequence[Array],
    steps: Sequence[str],
    folder: Path,
) -> None:
    jax: Any = import_module("jax")
    wanted = [np.asarray(each) for each in jax.tree.leaves(call(*feeds))]
    every = _jax_exports(call, feeds)
    exports = {name: every[name] for name in case.exporters.split()}
    told = [(name, value.shape) for name, value in truth]
    _finish(Made(told, feeds, wanted, exports), steps, folder)


def _build_linen(title: str, case: Jax, steps: Sequence[str], folder: Path) -> None:
    jax: Any = import_module("jax")
    trees: Any = import_module("flax.traverse_util")
    draw = _seeded(title)
    module = case.build(import_module("flax.linen"))
    feeds = _fed(case.inputs, draw)
    flat = trees.flatten_dict(module.init(jax.random.key(0), *feeds))
    filled = {path: _drawn("/".join(path), flat[path].shape, draw, False) for path in flat}
    variables = trees.unflatten_dict(filled)
    params = {"/".join(path[1:]): filled[path] for path in filled if path[0] == "params"}
    named = {"/".join(path): value for path, value in filled.items()}
    _save_arrays(case.form, named if len(variables) > 1 else params, variables, folder)

    shape = jax.numpy.shape  # jax2onnx has its own while it traces, which a scan cannot take

    def call(*values: Any) -> Any:
        with patch.object(jax.numpy, "shape", shape):
            return module.apply(variables, *values)

    truth = [(name.replace("/", "."), value) for name, value in params.items()]
    _finish_jax(case, call, truth, feeds, steps, folder)


def _build_nnx(title: str, case: Jax, steps: Sequence[str], folder: Path) -> None:
    nnx: Any = import_module("flax.nnx")
    trees: Any = import_module("flax.traverse_util")
    draw = _seeded(title)
    model = case.build(nnx)
    model.eval()
    feeds = _fed(case.inputs, draw)
    graph, params, rest = nnx.split(model, nnx.Param, ...)
    held: dict[str, Array] = {}
    trained: list[tuple[str, Array]] = []
    for state in (params, rest):
        for path, variable in nnx.to_flat_state(state):
            value = variable[...]
            if "float" not in str(value.dtype):
                continue
            name = "/".join(map(str, path))
            held[name] = _drawn(name, value.shape, draw, False)
            variable[...] = held[name]
            if state is params:
                trained.append((name.replace("/", "."), held[name]))
    model = nnx.merge(graph, params, rest)
    tree = trees.unflatten_dict({tuple(name.split("/")): held[name] for name in held})
    _save_arrays(case.form, held, tree, folder)
    _finish_jax(case, lambda *values: model(*values), trained, feeds, steps, folder)


def _build_equinox(title: str, case: Jax, steps: Sequence[str], folder: Path) -> None:
    jax: Any = import_module("jax")
    eqx: Any = import_module("equinox")
    draw = _seeded(title)
    model = case.build(eqx)
    held: dict[str, Array] = {}

    def fill(path: Any, value: Any) -> Any:
        if not eqx.is_inexact_array(value):
            return value
        name = jax.tree_util.keystr(path).lstrip(".")
        held[name] = _drawn(name, value.shape, draw, True)
        return jax.numpy.asarray(held[name])

    model = eqx.nn.inference_mode(jax.tree_util.tree_map_with_path(fill, model))
    feeds = _fed(case.inputs, draw)
    if case.form == "eqx":
        eqx.tree_serialise_leaves(folder / "ref.eqx", model)
    else:
        _save_arrays(case.form, held, None, folder)
    _finish_jax(case, jax.vmap(model), list(held.items()), feeds, steps, folder)


def _build_haiku(title: str, case: Jax, steps: Sequence[str], folder: Path) -> None:
    jax: Any = import_module("jax")
    haiku: Any = import_module("haiku")
    draw = _seeded(title)
    feeds = _fed(case.inputs, draw)
    pair = haiku.without_apply_rng(haiku.transform_with_state(case.build(haiku)))
    params, state = pair.init(jax.random.key(0), *feeds)

    def fill(tree: Any) -> Any:
        return {
            home: {
                last: _drawn("var" if "var_ema" in home else last, value.shape, draw, False)
                if "float" in str(value.dtype)
                else np.asarray(value)
                for last, value in part.items()
            }
            for home, part in tree.items()
        }

    params, state = fill(params), fill(state)
    named = {f"{home}/{last}": params[home][last] for home in params for last in params[home]}
    _save_arrays(case.form, named, {"params": params, "state": state} if state else params, folder)

    def call(*values: Any) -> Any:
        return pair.apply(params, state, *values)[0]

    _finish_jax(case, call, list(named.items()), feeds, steps, folder)


# --- JAX: models


def _linen_mlp(nn: Any) -> Any:
    return nn.Sequential(
        [nn.Dense(24), nn.relu, nn.LayerNorm(), nn.Dense(24), nn.gelu, nn.Dense(24), nn.Dense(5)]
    )


def _linen_cnn(nn: Any) -> Any:
    """Convolutions and norms of batches, named by the library."""

    class Net(nn.Module):  # type: ignore[misc]
        @nn.compact  # type: ignore[untyped-decorator]
        def __call__(self, held: Any) -> Any:
            for width, step in ((12, 1), (16, 2), (16, 1)):
                held = nn.Conv(width, (3, 3), step, use_bias=False)(held)
                held = nn.relu(nn.BatchNorm(use_running_average=True)(held))
            held = nn.Conv(16, (3, 3), feature_group_count=16, padding="SAME")(held)
            held = nn.relu(nn.GroupNorm(4)(held))
            held = nn.avg_pool(held, window_shape=(2, 2), strides=(2, 2))
            return nn.Dense(6)(held.reshape(held.shape[0], -1))

    return Net()


def _linen_text(nn: Any) -> Any:
    """Blocks of attention, named by hand."""
    jnp: Any = import_module("jax.numpy")

    class Block(nn.Module):  # type: ignore[misc]
        @nn.compact  # type: ignore[untyped-decorator]
        def __call__(self, held: Any) -> Any:
            told = nn.LayerNorm(name="norm_a")(held)
            held = held + nn.MultiHeadDotProductAttention(4, name="attention")(told)
            told = nn.Dense(48, name="up")(nn.LayerNorm(name="norm_b")(held))
            return held + nn.Dense(24, name="down")(nn.gelu(told))

    class Net(nn.Module):  # type: ignore[misc]
        @nn.compact  # type: ignore[untyped-decorator]
        def __call__(self, words: Any) -> Any:
            table = nn.Embed(50, 24, name="words")
            held = table(words) + nn.Embed(8, 24, name="places")(jnp.arange(8))
            for at in range(2):
                held = Block(name=f"block_{at}")(held)
            return table.attend(nn.LayerNorm(name="norm")(held))

    return Net()


def _linen_scan(nn: Any) -> Any:
    """Layers that a scan runs through: each array has all of them."""

    class Layer(nn.Module):  # type: ignore[misc]
        @nn.compact  # type: ignore[untyped-decorator]
        def __call__(self, held: Any, _: Any) -> Any:
            told = nn.RMSNorm()(held)
            return held + nn.Dense(20)(nn.silu(nn.Dense(36)(told))), None

    class Net(nn.Module):  # type: ignore[misc]
        @nn.compact  # type: ignore[untyped-decorator]
        def __call__(self, held: Any) -> Any:
            held = nn.Dense(20)(held)
            many = nn.scan(
                Layer, variable_axes={"params": 0}, split_rngs={"params": True}, length=4
            )
            held, _ = many(name="layers")(held, None)
            return nn.Dense(3)(held)

    return Net()


def _linen_up(nn: Any) -> Any:
    """Down and up again, with parameters of its own beside layers."""

    class Net(nn.Module):  # type: ignore[misc]
        @nn.compact  # type: ignore[untyped-decorator]
        def __call__(self, held: Any) -> Any:
            amount = self.param("amount", nn.initializers.ones, (12,))
            held = nn.relu(nn.Conv(12, (3, 3), 2)(held)) * amount
            held = nn.LayerNorm(use_bias=False)(held)
            held = nn.silu(nn.ConvTranspose(8, (2, 2), (2, 2))(held))
            held = nn.DenseGeneral((2, 6))(held)
            return nn.DenseGeneral(3, axis=(-2, -1))(held)

    return Net()


def _linen_recurrent(nn: Any) -> Any:
    class Net(nn.Module):  # type: ignore[misc]
        @nn.compact  # type: ignore[untyped-decorator]
        def __call__(self, held: Any) -> Any:
            cell, state = (
                nn.GRUCell(16),
                held[:, 0, :1] * 0 + self.param("start", nn.initializers.zeros, (16,)),
            )
            for at in range(held.shape[1]):
                state, _ = cell(state, held[:, at])
            return nn.Dense(3)(state)

    return Net()


def _nnx_mlp(nnx: Any) -> Any:
    rngs = nnx.Rngs(0)
    return nnx.Sequential(
        nnx.Linear(10, 24, rngs=rngs),
        nnx.relu,
        nnx.BatchNorm(24, rngs=rngs),
        nnx.Linear(24, 24, rngs=rngs),
        nnx.gelu,
        nnx.Linear(24, 24, use_bias=False, rngs=rngs),
        nnx.Linear(24, 4, rngs=rngs),
    )


def _nnx_cnn(nnx: Any) -> Any:
    class Block(nnx.Module):  # type: ignore[misc]
        def __init__(self, n_in: int, n_out: int, step: int, rngs: Any) -> None:
            self.conv1 = nnx.Conv(n_in, n_out, (3, 3), step, use_bias=False, rngs=rngs)
            self.norm1 = nnx.BatchNorm(n_out, rngs=rngs)
            self.conv2 = nnx.Conv(n_out, n_out, (3, 3), use_bias=False, rngs=rngs)
            self.norm2 = nnx.BatchNorm(n_out, rngs=rngs)
            self.short = nnx.Conv(n_in, n_out, (1, 1), step, use_bias=False, rngs=rngs)

        def __call__(self, held: Any) -> Any:
            told = nnx.relu(self.norm1(self.conv1(held)))
            return nnx.relu(self.norm2(self.conv2(told)) + self.short(held))

    class Net(nnx.Module):  # type: ignore[misc]
        def __init__(self, rngs: Any) -> None:
            self.stem = nnx.Conv(3, 12, (3, 3), rngs=rngs)
            sizes = ((12, 12, 1), (12, 16, 2), (16, 16, 1))
            self.blocks = nnx.List([Block(*each, rngs) for each in sizes])
            self.head = nnx.Linear(16, 5, rngs=rngs)

        def __call__(self, held: Any) -> Any:
            held = nnx.relu(self.stem(held))
            for block in self.blocks:
                held = block(held)
            return self.head(held.mean((1, 2)))

    return Net(nnx.Rngs(0))


def _nnx_text(nnx: Any) -> Any:
    """Gated blocks with norms by root mean squares."""
    jnp: Any = import_module("jax.numpy")

    class Block(nnx.Module):  # type: ignore[misc]
        def __init__(self, rngs: Any) -> None:
            self.attn_norm = nnx.RMSNorm(24, rngs=rngs)
            self.attn = nnx.MultiHeadAttention(4, 24, decode=False, deterministic=True, rngs=rngs)
            self.mlp_norm = nnx.RMSNorm(24, rngs=rngs)
            self.gate, self.up = (nnx.Linear(24, 40, use_bias=False, rngs=rngs) for _ in range(2))
            self.down = nnx.Linear(40, 24, use_bias=False, rngs=rngs)

        def __call__(self, held: Any, mask: Any) -> Any:
            held = held + self.attn(self.attn_norm(held), mask=mask)
            told = self.mlp_norm(held)
            return held + self.down(nnx.silu(self.gate(told)) * self.up(told))

    class Net(nnx.Module):  # type: ignore[misc]
        def __init__(self, rngs: Any) -> None:
            self.embed = nnx.Embed(50, 24, rngs=rngs)
            self.layers = nnx.List([Block(rngs) for _ in range(2)])
            self.norm = nnx.RMSNorm(24, rngs=rngs)
            self.head = nnx.Linear(24, 50, use_bias=False, rngs=rngs)

        def __call__(self, words: Any) -> Any:
            held, mask = self.embed(words), jnp.tril(jnp.ones((1, 1, 8, 8), bool))
            for layer in self.layers:
                held = layer(held, mask)
            return self.head(self.norm(held))

    return Net(nnx.Rngs(0))


def _nnx_patches(nnx: Any) -> Any:
    jnp: Any = import_module("jax.numpy")

    class Net(nnx.Module):  # type: ignore[misc]
        def __init__(self, rngs: Any) -> None:
            self.patch = nnx.Conv(3, 24, (4, 4), 4, padding="VALID", rngs=rngs)
            self.cls = nnx.Param(jnp.zeros((1, 1, 24)))
            self.places = nnx.Param(jnp.zeros((1, 17, 24)))
            self.norms = nnx.List([nnx.LayerNorm(24, rngs=rngs) for _ in range(3)])
            self.attention = nnx.MultiHeadAttention(
                4, 24, decode=False, deterministic=True, rngs=rngs
            )
            self.up, self.down = nnx.Linear(24, 48, rngs=rngs), nnx.Linear(48, 24, rngs=rngs)
            self.head = nnx.Linear(24, 6, rngs=rngs)

        def __call__(self, held: Any) -> Any:
            held = self.patch(held).reshape(held.shape[0], 16, 24)
            first = jnp.broadcast_to(self.cls[...], (held.shape[0], 1, 24))
            held = jnp.concatenate([first, held], 1) + self.places[...]
            held = held + self.attention(self.norms[0](held))
            held = held + self.down(nnx.gelu(self.up(self.norms[1](held))))
            return self.head(self.norms[2](held)[:, 0])

    return Net(nnx.Rngs(0))


def _keys(count: int) -> Any:
    jax: Any = import_module("jax")
    return jax.random.split(jax.random.key(0), count)


def _equinox_mlp(eqx: Any) -> Any:
    return eqx.nn.MLP(10, 4, 24, 3, key=_keys(1)[0])


def _equinox_cnn(eqx: Any) -> Any:
    jax: Any = import_module("jax")
    nn, keys = eqx.nn, _keys(5)
    relu = nn.Lambda(jax.nn.relu)
    return nn.Sequential(
        [
            nn.Conv2d(3, 12, 3, padding=1, use_bias=False, key=keys[0]),
            nn.BatchNorm2D(12),
            relu,
            nn.Conv2d(12, 16, 3, stride=2, key=keys[1]),
            relu,
            nn.Conv2d(16, 16, 3, padding=1, key=keys[2]),
            nn.AvgPool2d(2, 2),
            nn.Lambda(jax.numpy.ravel),
            nn.Linear(16, 24, key=keys[3]),
            nn.LayerNorm(24),
            relu,
            nn.Linear(24, 5, key=keys[4]),
        ]
    )


def _equinox_text(eqx: Any) -> Any:
    jax: Any = import_module("jax")
    nn, keys = eqx.nn, iter(_keys(12))

    class Block(eqx.Module):  # type: ignore[misc]
        norms: list[Any]
        attention: Any
        mlp: Any

        def __init__(self) -> None:
            self.norms = [nn.LayerNorm(24), nn.RMSNorm(24)]
            self.attention = nn.MultiheadAttention(4, 24, use_query_bias=True, key=next(keys))
            self.mlp = nn.MLP(24, 24, 40, 1, jax.nn.gelu, key=next(keys))

        def __call__(self, held: Any) -> Any:
            told = jax.vmap(self.norms[0])(held)
            held = held + self.attention(told, told, told)
            return held + jax.vmap(self.mlp)(jax.vmap(self.norms[1])(held))

    class Net(eqx.Module):  # type: ignore[misc]
        words: Any
        places: Any
        blocks: list[Any]
        head: Any

        def __init__(self) -> None:
            self.words = nn.Embedding(50, 24, key=next(keys))
            self.places = jax.numpy.zeros((8, 24))
            self.blocks = [Block() for _ in range(2)]
            self.head = nn.Linear(24, 7, use_bias=False, key=next(keys))

        def __call__(self, words: Any) -> Any:
            held = jax.vmap(self.words)(words) + self.places
            for block in self.blocks:
                held = block(held)
            return jax.vmap(self.head)(held)

    return Net()


def _haiku_mlp(hk: Any) -> Any:
    jax: Any = import_module("jax")

    def net(held: Any) -> Any:
        held = hk.nets.MLP([24, 24, 24], activation=jax.nn.swish)(held)
        held = hk.LayerNorm(-1, True, True)(held)
        return hk.Linear(4, name="logits")(held)

    return net


def _haiku_cnn(hk: Any) -> Any:
    jax: Any = import_module("jax")

    def net(held: Any) -> Any:
        for width in (8, 12, 12):
            held = hk.Conv2D(width, 3, with_bias=False)(held)
            held = jax.nn.relu(hk.BatchNorm(True, True, 0.9)(held, is_training=hk.running_init()))
        held = hk.DepthwiseConv2D(2, 3)(held)
        return hk.Linear(5)(hk.Flatten()(held))

    return net


def _haiku_text(hk: Any) -> Any:
    jax: Any = import_module("jax")
    init = hk.initializers.RandomNormal()

    def net(words: Any) -> Any:
        held = hk.Embed(50, 24)(words)
        held = held + hk.get_parameter("places", (8, 24), init=init)
        for at in range(2):
            told = hk.LayerNorm(-1, True, True, name=f"h{at}_ln_1")(held)
            held = held + hk.MultiHeadAttention(4, 6, w_init=init, name=f"h{at}_attn")(
                told, told, told
            )
            told = hk.Linear(48, name=f"h{at}_mlp_up")(
                hk.LayerNorm(-1, True, True, name=f"h{at}_ln_2")(held)
            )
            held = held + hk.Linear(24, name=f"h{at}_mlp_down")(jax.nn.gelu(told))
        return hk.Linear(50, with_bias=False)(held)

    return net


_WORDS: Final = _ids(50, 2, 8)
_PICTURE: Final = (2, 8, 8, 3)
_LINEN: Final[Mapping[str, Jax]] = {
    "mlp": Jax(_linen_mlp, [(3, 10)], "msgpack"),
    "cnn": Jax(_linen_cnn, [_PICTURE], "msgpack"),
    "cnn_orbax": Jax(_linen_cnn, [_PICTURE], "orbax", "jax2onnx"),
    "text": Jax(_linen_text, [_WORDS], "safetensors"),
    "text_msgpack": Jax(_linen_text, [_WORDS], "msgpack", "jax2onnx"),
    "scan": Jax(_linen_scan, [(3, 12)], "npz"),
    "up": Jax(_linen_up, [_PICTURE], "npz-dots"),
    "recurrent": Jax(_linen_recurrent, [(2, 5, 7)], "msgpack"),
}
_NNX: Final[Mapping[str, Jax]] = {
    "mlp": Jax(_nnx_mlp, [(3, 10)], "orbax"),
    "cnn": Jax(_nnx_cnn, [_PICTURE], "msgpack"),
    "text": Jax(_nnx_text, [_WORDS], "safetensors"),
    "text_orbax": Jax(_nnx_text, [_WORDS], "orbax", "jax2onnx"),
    "patches": Jax(_nnx_patches, [(2, 16, 16, 3)], "npz-dots"),
}
_EQUINOX: Final[Mapping[str, Jax]] = {
    "mlp": Jax(_equinox_mlp, [(3, 10)], "eqx"),
    "cnn": Jax(_equinox_cnn, [(2, 3, 8, 8)], "npz"),
    "text": Jax(_equinox_text, [_WORDS], "safetensors"),
}
_HAIKU: Final[Mapping[str, Jax]] = {
    "mlp": Jax(_haiku_mlp, [(3, 10)], "npz"),
    "cnn": Jax(_haiku_cnn, [_PICTURE], "pickle"),
    "text": Jax(_haiku_text, [_WORDS], "pickle"),
}

# --- Paddle


class Paddle(NamedTuple):
    """A layer of Paddle, its inputs, the layout of its checkpoint, its exporters."""

    build: Callable[[Any], Any]
    inputs: Sequence[Any]
    form: str = "pdparams"
    exporters: str = "paddle2onnx paddle2onnx-opset11"


def _paddle_exports(paddle: Any, model: Any, feeds: Sequence[Array]) -> dict[str, Write]:
    spec = paddle.static.InputSpec
    fixed = [spec(list(each.shape), str(each.dtype), f"x{at}") for at, each in enumerate(feeds)]
    free = [
        spec([None, *each.shape[1:]], str(each.dtype), f"x{at}") for at, each in enumerate(feeds)
    ]

    def own(path: Path, opset: int, specs: Sequence[Any]) -> None:
        stem = path.with_suffix("")
        paddle.onnx.export(model, str(stem), input_spec=specs, opset_version=opset)

    def program(path: Path) -> None:
        convert: Any = import_module("paddle2onnx")
        with tempfile.TemporaryDirectory() as work:
            paddle.jit.save(paddle.jit.to_static(model, input_spec=free), f"{work}/net")
            convert.export(f"{work}/net.json", f"{work}/net.pdiparams", str(path), opset_version=13)

    return {
        "paddle2onnx": partial(own, opset=15, specs=fixed),
        "paddle2onnx-opset11": partial(own, opset=11, specs=fixed),
        "paddle2onnx-free": partial(own, opset=17, specs=free),
        "program": program,
    }


def _save_paddle(paddle: Any, model: Any, form: str, folder: Path) -> None:
    state = model.state_dict()
    if form == "pdparams":
        paddle.save(state, str(folder / "ref.pdparams"))
    elif form == "training":
        adam = paddle.optimizer.Adam(0.001, parameters=model.parameters())
        held = {"epoch": 3, "state_dict": state, "optimizer": adam.state_dict()}
        paddle.save(held, str(folder / "ref.pdparams"))
    elif form == "safetensors":
        library: Any = import_module("safetensors.numpy")
        kept = {name: value.numpy() for name, value in state.items()}
        library.save_file(kept, folder / "ref.safetensors", {"format": "pd"})
    elif form == "half":  # the model has what the checkpoint does
        for value in state.values():
            value.set_value(value.numpy().astype(np.float16).astype(np.float32))
        halves = {name: value.astype("float16") for name, value in state.items()}
        paddle.save(halves, str(folder / "ref.pdparams"))
    else:
        raise ValueError(form)


def _build_paddle(title: str, case: Paddle, steps: Sequence[str], folder: Path) -> None:
    paddle: Any = import_module("paddle")
    draw = _seeded(title)
    model = case.build(paddle)
    model.eval()
    for name, value in model.state_dict().items():
        value.set_value(_drawn(name, tuple(value.shape), draw, len(value.shape) > 2))
    feeds = [
        each.astype(np.int64) if each.dtype == np.int32 else each
        for each in _fed(case.inputs, draw)
    ]
    _save_paddle(paddle, model, case.form, folder)
    answer = model(*map(paddle.to_tensor, feeds))
    wanted = [each.numpy() for each in (answer if isinstance(answer, list | tuple) else [answer])]
    every = _paddle_exports(paddle, model, feeds)
    exports = {name: every[name] for name in case.exporters.split()}
    truth = [(name, value.shape) for name, value in model.named_parameters() if value.trainable]
    _finish(Made(truth, feeds, wanted, exports), steps, folder)


def _paddle_mlp(paddle: Any) -> Any:
    nn = paddle.nn
    return nn.Sequential(
        nn.Linear(10, 24),
        nn.PReLU(),
        nn.LayerNorm(24),
        nn.Linear(24, 24),
        nn.GELU(),
        nn.Linear(24, 24, bias_attr=False),
        nn.BatchNorm1D(24),
        nn.Linear(24, 4),
    )


def _paddle_cnn(paddle: Any) -> Any:
    nn = paddle.nn

    class Block(nn.Layer):  # type: ignore[misc, name-defined]
        def __init__(self, n_in: int, n_out: int, step: int) -> None:
            super().__init__()
            self.conv = nn.Conv2D(n_in, n_out, 3, step, 1, bias_attr=False)
            self.bn = nn.BatchNorm2D(n_out)
            self.depth = nn.Conv2D(n_out, n_out, 3, 1, 1, groups=n_out)
            self.squeeze, self.excite = nn.Conv2D(n_out, 4, 1), nn.Conv2D(4, n_out, 1)

        def forward(self, held: Any) -> Any:
            held = nn.functional.hardswish(self.bn(self.conv(held)))
            held = held + self.depth(held)
            mean = nn.functional.relu(self.squeeze(held.mean([2, 3], keepdim=True)))
            return held * nn.functional.hardsigmoid(self.excite(mean))

    return nn.Sequential(
        Block(3, 12, 1),
        Block(12, 16, 2),
        Block(16, 16, 1),
        nn.AdaptiveAvgPool2D(1),
        nn.Flatten(),
        nn.Linear(16, 6),
    )


def _paddle_recurrent(kind: str, **given: Any) -> Callable[[Any], Any]:
    def build(paddle: Any) -> Any:
        nn = paddle.nn

        class Net(nn.Layer):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.words = nn.Embedding(50, 16)
                self.rnn = getattr(nn, kind)(16, 20, **given)
                sides = 2 if "direction" in given else 1
                self.head = nn.Linear(20 * sides, 5)

            def forward(self, words: Any) -> Any:
                return self.head(self.rnn(self.words(words))[0])

        return Net()

    return build


def _paddle_text(paddle: Any) -> Any:
    nn = paddle.nn

    class Net(nn.Layer):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.words, self.places = nn.Embedding(50, 24), nn.Embedding(8, 24)
            layer = nn.TransformerEncoderLayer(24, 4, 48, activation="gelu")
            self.encoder = nn.TransformerEncoder(layer, 2)
            self.pooler, self.head = nn.Linear(24, 24), nn.Linear(24, 3)

        def forward(self, words: Any) -> Any:
            held = self.words(words) + self.places(paddle.arange(8))
            held = self.encoder(held)
            return self.head(paddle.tanh(self.pooler(held[:, 0])))

    return Net()


def _paddle_both(paddle: Any) -> Any:
    """An encoder and a decoder."""
    nn = paddle.nn

    class Net(nn.Layer):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.transformer = nn.Transformer(16, 2, 1, 2, 32, normalize_before=True)
            self.out = nn.Linear(16, 9)

        def forward(self, source: Any, target: Any) -> Any:
            return self.out(self.transformer(source, target))

    return Net()


def _paddle_norms(paddle: Any) -> Any:
    nn = paddle.nn
    return nn.Sequential(
        nn.Conv2D(3, 16, 3, 2, 1),
        nn.InstanceNorm2D(16),
        nn.Silu(),
        nn.Conv2DTranspose(16, 12, 2, 2, bias_attr=False),
        nn.BatchNorm2D(12),
        nn.ReLU6(),
        nn.Conv2D(12, 16, 3, groups=2, padding=1),
        nn.BatchNorm2D(16),
        nn.PReLU(16),
        nn.PixelShuffle(2),
        nn.Conv2D(4, 3, 1),
    )


def _paddle_sound(paddle: Any) -> Any:
    nn = paddle.nn
    return nn.Sequential(
        nn.Conv1D(4, 12, 5, 2, 2),
        nn.BatchNorm1D(12),
        nn.ReLU(),
        nn.Conv1D(12, 12, 3, dilation=2, padding=2),
        nn.Conv1DTranspose(12, 8, 4, 2, 1),
        nn.Tanh(),
        nn.Conv1D(8, 1, 3, padding=1),
    )


def _paddle_reader(paddle: Any) -> Any:
    """A reader of lines: convolutions, then layers that run both ways."""
    nn = paddle.nn

    class Net(nn.Layer):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.backbone = nn.LayerList()
            for n_in, n_out in ((3, 8), (8, 16), (16, 16)):
                block = nn.Sequential(
                    ("conv", nn.Conv2D(n_in, n_out, 3, (2, 1), 1, bias_attr=False)),
                    ("bn", nn.BatchNorm(n_out, act="relu")),
                )
                self.backbone.append(block)
            self.neck = nn.LSTM(16, 12, 2, "bidirect")
            self.head = nn.Linear(24, 11)

        def forward(self, held: Any) -> Any:
            for block in self.backbone:
                held = block(held)
            held, _ = self.neck(held.squeeze(2).transpose([0, 2, 1]))
            return nn.functional.softmax(self.head(held), -1)

    return Net()


def _paddle_stacked(paddle: Any) -> Any:
    nn = paddle.nn
    return nn.Sequential(*(nn.Sequential(nn.Linear(20, 20), nn.Tanh()) for _ in range(6)))


def _vision(kind: str, **given: Any) -> Callable[[Any], Any]:
    def build(paddle: Any) -> Any:
        return getattr(paddle.vision.models, kind)(num_classes=9, **given)

    return build


_VIEW: Final = (1, 3, 32, 32)
_PADDLE: Final[Mapping[str, Paddle]] = {
    "mlp": Paddle(_paddle_mlp, [(3, 10)]),
    "cnn": Paddle(_paddle_cnn, [(2, 3, 12, 12)], exporters="paddle2onnx paddle2onnx-free program"),
    "lstm": Paddle(_paddle_recurrent("LSTM", num_layers=2), [_WORDS]),
    "gru": Paddle(_paddle_recurrent("GRU", direction="bidirect"), [_WORDS], "safetensors"),
    "gru_training": Paddle(_paddle_recurrent("GRU", num_layers=2), [_WORDS], "training"),
    "text": Paddle(_paddle_text, [_WORDS], exporters="paddle2onnx paddle2onnx-free program"),
    "text_half": Paddle(_paddle_text, [_WORDS], "half", "paddle2onnx"),
    "both": Paddle(_paddle_both, [(2, 6, 16), (2, 5, 16)]),
    "norms": Paddle(_paddle_norms, [(2, 3, 12, 12)], exporters="paddle2onnx program"),
    "sound": Paddle(_paddle_sound, [(2, 4, 24)]),
    "reader": Paddle(_paddle_reader, [(1, 3, 8, 20)], "training"),
    "stacked": Paddle(_paddle_stacked, [(2, 20)], exporters="paddle2onnx program"),
    "lenet": Paddle(_vision("LeNet"), [(1, 1, 28, 28)], exporters="paddle2onnx program"),
    "mobilenet_v1": Paddle(_vision("mobilenet_v1", scale=0.25), [_VIEW]),
    "mobilenet_v2": Paddle(_vision("mobilenet_v2", scale=0.25), [_VIEW], "training"),
    "mobilenet_v3": Paddle(_vision("mobilenet_v3_small", scale=0.35), [_VIEW]),
    "shufflenet": Paddle(_vision("shufflenet_v2_x0_25"), [_VIEW], exporters="paddle2onnx program"),
    "squeezenet": Paddle(_vision("squeezenet1_1"), [(1, 3, 48, 48)]),
}


# --- every case


def _builders() -> Iterator[tuple[str, Builder]]:
    """A builder a case; those of every third have steps after the exports."""
    tables: Sequence[tuple[str, Callable[..., None], Mapping[str, Any]]] = (
        ("keras", _build_keras, _KERAS),
        ("tensorflow", _build_tensorflow, _TENSORFLOW),
        ("linen", _build_linen, _LINEN),
        ("nnx", _build_nnx, _NNX),
        ("equinox", _build_equinox, _EQUINOX),
        ("haiku", _build_haiku, _HAIKU),
        ("paddle", _build_paddle, _PADDLE),
    )
    for library, build, table in tables:
        for place, (name, case) in enumerate(table.items()):
            steps = () if place % 3 else _DRAWS[place // 3 % len(_DRAWS)]
            title = f"{library}-{name}"
            yield title, partial(build, title, case, steps)


CASES: Final[dict[str, Builder]] = dict(_builders())
OPENED: Final[frozenset[str]] = frozenset(CASES)
