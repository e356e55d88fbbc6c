"""Export a Keras 3 model with its own names, the paths of ``model.weights``: on the TensorFlow
backend through tf2onnx, on JAX's through jax2onnx, on torch's through torch's exporter.
"""

from __future__ import annotations

import collections
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from onnx_params.errors import ExportError
from onnx_params_exporters import tensorflow_function
from onnx_params_exporters.by_content import Weight, compare, finish
from onnx_params_exporters.workshop import calling, saying


# Keras' own types
def export(
    model: Any, example_inputs: Any, path: str, *, opset: int | None = None, check: bool = True
) -> None:
    """Export ``model`` to ``path``, whole or not at all: an instance, the path of a ``.keras`` or
    ``.h5`` file, or a SavedModel's folder.

    ``example_inputs`` are arrays by input name, or in order. Their first dimension is left open on
    the TensorFlow and JAX backends, on torch's shapes are fixed. Raises :class:`ExportError` where
    the backend's converter fails, or (with ``check``) where onnxruntime's outputs differ from the
    model's.
    """
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if isinstance(model, str) and os.path.isdir(model):
        from onnx_params_exporters import saved_model

        return saved_model.export(model, example_inputs, path, opset=opset, check=check)
    import keras

    if isinstance(model, str):
        try:
            model = keras.saving.load_model(model, compile=False)
        except (OSError, ValueError) as error:
            raise ExportError(
                f"{model}: Keras cannot load it: {str(error).strip().partition(chr(10))[0]}"
            ) from error
    inputs = _named(model, example_inputs)
    backend = keras.backend.backend()
    by = {"tensorflow": _by_tensorflow, "torch": _by_torch, "jax": _by_jax}.get(backend)
    if by is None:
        raise ExportError(
            f"nothing converts a Keras model on the {backend} backend: KERAS_BACKEND=tensorflow"
        )
    return by(model, inputs, example_inputs, path, opset, check)


def _by_tensorflow(
    model: Any,
    inputs: Mapping[str, np.ndarray],
    example: Any,
    path: str,
    opset: int | None,
    check: bool,
) -> None:
    import keras

    expected = _answer(model, inputs, example)
    weights = list(own(model))

    def write(draft: str) -> None:
        print("converting with tf2onnx ...", file=sys.stderr)
        with saying(f"{model.name}: tf2onnx cannot convert it"):
            _convert(
                model,
                inputs,
                example,
                draft,
                opset,
                sum(weight.values.nbytes for weight in weights),
            )
        if check:
            compare(draft, inputs, expected)

    finish(path, f"keras {keras.__version__}", "tf2onnx", weights, write)


def _by_jax(
    model: Any,
    inputs: Mapping[str, np.ndarray],
    example: Any,
    path: str,
    opset: int | None,
    check: bool,
) -> None:
    import jax
    import keras

    from onnx_params_exporters import from_jax

    def call(*args: Any) -> Any:
        return _flat(
            model(_given(model, dict(zip(inputs, args, strict=True)), example), training=False)
        )

    shapes = [
        jax.ShapeDtypeStruct(
            ("batch", *value.shape[1:]), jax.dtypes.canonicalize_dtype(value.dtype)
        )
        for value in inputs.values()
    ]
    own_ones = f"keras {keras.__version__} on jax", list(own(model))
    expected = _answer(model, inputs, example)
    given = list(inputs.values())
    from_jax.convert(
        call,
        shapes,
        list(inputs),
        given,
        expected,
        model.name,
        path,
        own_ones,
        opset=opset or from_jax.OPSET,
        check=check,
    )


def _by_torch(
    model: Any,
    inputs: Mapping[str, np.ndarray],
    example: Any,
    path: str,
    opset: int | None,
    check: bool,
) -> None:
    import keras
    import torch

    from onnx_params_exporters import from_torch

    trained, rest = list(model.trainable_variables), list(model.non_trainable_variables)
    paths = [variable.path for variable in (*trained, *rest)]
    odd = next((each for each in paths if "." in each or paths.count(each) > 1), None)
    if odd is not None:
        raise ExportError(
            f"{model.name}: '{odd}' has a dot, or is the path of several variables: torch cannot"
            " keep it under that name"
        )

    class Stateless(torch.nn.Module):
        """The model's variables as a module's own, by their paths: torch's exporter keeps those
        names, and not Keras' own wrappers'.
        """

        def __init__(self) -> None:
            super().__init__()
            for variable in trained:
                self.register_parameter(
                    variable.path,
                    torch.nn.Parameter(variable.value.detach().clone(), requires_grad=False),
                )
            for variable in rest:
                self.register_buffer(variable.path, variable.value.detach().clone())

        def forward(self, *args: torch.Tensor) -> Any:
            state = [
                [getattr(self, variable.path) for variable in variables]
                for variables in (trained, rest)
            ]
            given = _given(model, dict(zip(inputs, args, strict=True)), example)
            answer, _ = model.stateless_call(*state, given, training=False)
            return tuple(_flat(answer))

    given = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in inputs.items()}
    from_torch.export(
        Stateless(),
        given,
        path,
        opset=opset,
        check=check,
        framework=f"keras {keras.__version__} on torch",
    )


def _answer(model: Any, inputs: Mapping[str, np.ndarray], example: Any) -> list[np.ndarray]:
    import keras

    with calling(model.name):
        return [
            keras.ops.convert_to_numpy(value)
            for value in _flat(model(_given(model, inputs, example), training=False))
        ]


def own(model: Any) -> Iterator[Weight]:  # a Keras model
    """``model.weights`` by their paths, in order; a path that several variables have gets
    a number.
    """
    import keras

    seen: collections.Counter[str] = collections.Counter()
    trained = {id(variable) for variable in model.trainable_weights}
    # of norms, dropouts, the Normalization layer
    kept = {"moving_mean", "moving_variance", "seed_generator_state", "mean", "variance", "count"}
    for variable in model.weights:
        seen[variable.path] += 1
        name = (
            variable.path
            if seen[variable.path] == 1
            else f"{variable.path}:{seen[variable.path] - 1}"
        )
        is_buffer = id(variable) not in trained and variable.path.rpartition("/")[2] in kept
        yield Weight(name, keras.ops.convert_to_numpy(variable), not is_buffer)


def _flat(value: Any) -> list[Any]:  # whatever a model returns
    import keras

    return list(keras.tree.flatten(value))


def _named(model: Any, inputs: Any) -> dict[str, np.ndarray]:
    if isinstance(inputs, Mapping):
        return {name: np.asarray(value) for name, value in inputs.items()}
    given = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    names = [each.name for each in getattr(model, "inputs", None) or ()]
    names = names if len(names) == len(given) else [f"input_{at}" for at in range(len(given))]
    return {name: np.asarray(value) for name, value in zip(names, given, strict=True)}


def _given(model: Any, named: Mapping[str, Any], inputs: Any) -> Any:
    """What a model is called with: a dictionary where it was given one and takes one, else a list
    or the one value.
    """
    if isinstance(inputs, Mapping) and not isinstance(
        getattr(model, "_inputs_struct", None), (list, tuple)
    ):
        return dict(named)
    values = list(named.values())
    return values[0] if len(values) == 1 else values


def _convert(
    model: Any,
    inputs: Mapping[str, np.ndarray],
    example: Any,
    path: str,
    opset: int | None,
    n_bytes: int,
) -> None:
    import tensorflow as tf

    names = list(inputs)
    signature = [
        tf.TensorSpec([None, *value.shape[1:]], value.dtype, name=name)
        for name, value in inputs.items()
    ]

    @tf.function(input_signature=signature)  # type: ignore[untyped-decorator]  # TensorFlow has no types
    def call(*args: Any) -> Any:
        answer = _flat(
            model(_given(model, dict(zip(names, args, strict=True)), example), training=False)
        )
        # TensorFlow sorts these, and tf2onnx names outputs by them
        return {f"output_{at:03}": value for at, value in enumerate(answer)}

    tensorflow_function.to_file(call, signature, path, opset, n_bytes)


# TensorFlow's own types
