"""Export a Keras 3 model on the TensorFlow backend through tf2onnx, with its own names: the paths of ``model.weights``."""

from __future__ import annotations

import collections
import os
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import numpy as np

from onnx_params.errors import ExportError
from onnx_params_exporters.by_content import Weight, compare, finish

LARGE: Final = 1_500_000_000  # bytes of weights; one protobuf ends at 2 GiB, and folding doubles what tf2onnx holds


def export(model: Any, example_inputs: Any, path: str, *, opset: int | None = None, check: bool = True) -> None:  # Keras' own types
    """Export ``model`` (an instance, or the path of a ``.keras`` or ``.h5`` file) to ``path``, whole or not at all.

    ``example_inputs`` are arrays by input name, or in order; their first dimension is left open. Raises :class:`ExportError` where the backend is
    another, tf2onnx fails, or (with ``check``) onnxruntime's outputs differ from the model's.
    """
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    import keras

    if isinstance(model, str):
        try:
            model = keras.saving.load_model(model, compile=False)
        except (OSError, ValueError) as error:
            raise ExportError(f"{model}: Keras cannot load it: {str(error).strip().partition(chr(10))[0]}") from error
    if keras.backend.backend() != "tensorflow":
        raise ExportError(f"tf2onnx needs the TensorFlow backend, Keras runs on {keras.backend.backend()}: KERAS_BACKEND=tensorflow")
    inputs = _named(model, example_inputs)
    expected = [np.asarray(value) for value in _flat(model(_given(model, inputs, example_inputs), training=False))]
    weights = list(own(model))

    def write(draft: str) -> None:
        print("converting with tf2onnx ...", file=sys.stderr)
        try:
            _convert(model, inputs, example_inputs, draft, opset, sum(weight.values.nbytes for weight in weights))
        except Exception as error:  # tf2onnx raises many kinds
            raise ExportError(f"{model.name}: tf2onnx cannot convert it: {str(error).strip().partition(chr(10))[0]}") from error
        if check:
            compare(draft, inputs, expected)

    finish(path, f"keras {keras.__version__}", "tf2onnx", weights, write)


def own(model: Any) -> Iterator[Weight]:  # a Keras model
    """``model.weights`` by their paths, in order; a path that several variables have gets a number."""
    seen: collections.Counter[str] = collections.Counter()
    trained = {id(variable) for variable in model.trainable_weights}
    kept = {"moving_mean", "moving_variance", "seed_generator_state"}
    for variable in model.weights:
        seen[variable.path] += 1
        name = variable.path if seen[variable.path] == 1 else f"{variable.path}:{seen[variable.path] - 1}"
        is_buffer = id(variable) not in trained and variable.path.rpartition("/")[2] in kept
        yield Weight(name, np.asarray(variable), not is_buffer)


def _flat(value: Any) -> list[Any]:  # whatever a model returns
    import tensorflow as tf

    return list(tf.nest.flatten(value))


def _named(model: Any, inputs: Any) -> dict[str, np.ndarray]:
    if isinstance(inputs, Mapping):
        return {name: np.asarray(value) for name, value in inputs.items()}
    given = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    names = [each.name for each in getattr(model, "inputs", None) or ()]
    names = names if len(names) == len(given) else [f"input_{at}" for at in range(len(given))]
    return {name: np.asarray(value) for name, value in zip(names, given, strict=True)}


def _given(model: Any, named: Mapping[str, Any], inputs: Any) -> Any:
    """What a model is called with: a dictionary where it was given one and takes one, else a list or the one value."""
    if isinstance(inputs, Mapping) and not isinstance(getattr(model, "_inputs_struct", None), (list, tuple)):
        return dict(named)
    values = list(named.values())
    return values[0] if len(values) == 1 else values


def _convert(model: Any, inputs: Mapping[str, np.ndarray], example: Any, path: str, opset: int | None, n_bytes: int) -> None:
    import onnx
    import tensorflow as tf
    import tf2onnx

    names = list(inputs)
    signature = [tf.TensorSpec([None, *value.shape[1:]], value.dtype, name=name) for name, value in inputs.items()]

    @tf.function(input_signature=signature)  # type: ignore[untyped-decorator]  # TensorFlow has no types
    def call(*args: Any) -> Any:
        answer = _flat(model(_given(model, dict(zip(names, args, strict=True)), example), training=False))
        return {f"output_{at:03}": value for at, value in enumerate(answer)}  # TensorFlow sorts these, and tf2onnx names outputs by them

    if n_bytes < LARGE:
        proto, _ = tf2onnx.convert.from_function(call, input_signature=signature, opset=opset)
        onnx.save(proto, path)
        return
    with tempfile.TemporaryDirectory() as folder, _old_numpy():
        packed = os.path.join(folder, "model.zip")
        tf2onnx.convert.from_function(call, input_signature=signature, opset=opset, large_model=True, output_path=packed)
        with zipfile.ZipFile(packed) as archive:
            archive.extractall(folder)
        proto = onnx.load(os.path.join(folder, "__MODEL_PROTO.onnx"))
        onnx.save(proto, path, save_as_external_data=True, all_tensors_to_one_file=True, location=f"{os.path.basename(path)}.data")


@contextmanager
def _old_numpy() -> Iterator[None]:
    """tf2onnx 1.17 calls ``np.product``, which NumPy 2 has not, where a model is large (tf2onnx/graph.py)."""
    if hasattr(np, "product"):
        yield
        return
    np.product = np.prod
    try:
        yield
    finally:
        del np.product
