"""Export a TensorFlow SavedModel through tf2onnx: its serving signature, with the names of its
variables.

A name is the variable's own where it has one to itself (Keras' ``export`` keeps the paths of
``.weights``), else the path of the object that holds it in the checkpoint. Source:
tensorflow/core/protobuf/trackable_object_graph.proto.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from onnx_params.errors import ExportError
from onnx_params_exporters.by_content import Weight, compare, finish
from onnx_params_exporters.tensorflow_function import to_file
from onnx_params_exporters.workshop import calling, saying

SIGNATURE: Final = "serving_default"
_VALUE: Final = "/.ATTRIBUTES/VARIABLE_VALUE"


def export(
    folder: str, example_inputs: Any, path: str, *, opset: int | None = None, check: bool = True
) -> None:
    """Export the serving signature, or the only one.

    ``example_inputs`` are arrays by the signature's words, or in its order.

    Raises :class:`ExportError` where it cannot be loaded, holds a graph of XLA's (Keras on JAX), or
    tf2onnx fails.
    """
    import tensorflow as tf

    name = os.path.basename(os.path.abspath(folder))
    with saying(f"{folder}: TensorFlow cannot load it"):
        loaded = tf.saved_model.load(folder)
    signatures = loaded.signatures
    signature = signatures.get(SIGNATURE) or (
        next(iter(signatures.values())) if len(signatures) == 1 else None
    )
    if signature is None:
        raise ExportError(
            f"{folder}: has no signature '{SIGNATURE}', but"
            f" {', '.join(sorted(signatures)) or 'none'}"
        )
    wanted = signature.structured_input_signature[1]
    given = _named(folder, list(wanted), example_inputs)
    specs = [tf.TensorSpec(spec.shape, spec.dtype, name=word) for word, spec in wanted.items()]
    words, outputs = list(wanted), list(signature.structured_outputs)
    with calling(name):
        expected = signature(
            **{word: tf.constant(value, dtype=wanted[word].dtype) for word, value in given.items()}
        )
    weights = list(_own(folder, loaded, signature))

    @tf.function(input_signature=specs)  # type: ignore[untyped-decorator]  # TensorFlow has no types
    def call(*args: Any) -> Any:
        answer = signature(**dict(zip(words, args, strict=True)))
        return {f"output_{at:03}": answer[word] for at, word in enumerate(outputs)}

    def write(draft: str) -> None:
        print("converting with tf2onnx ...", file=sys.stderr)
        try:
            to_file(call, specs, draft, opset, sum(weight.values.nbytes for weight in weights))
        except Exception as error:  # tf2onnx raises many kinds
            reason = str(error).strip().partition(chr(10))[0]
            if "XlaCallModule" in str(error):
                reason = (
                    "it contains an XLA graph; export the Keras model itself on the JAX backend"
                )
            raise ExportError(f"{name}: tf2onnx cannot convert it: {reason}") from error
        if check:
            compare(draft, given, [expected[word].numpy() for word in outputs])

    finish(path, f"tensorflow {tf.__version__}", "tf2onnx", weights, write)


def _named(folder: str, words: list[str], inputs: Any) -> dict[str, np.ndarray]:
    if isinstance(inputs, Mapping):
        if set(inputs) != set(words):
            raise ExportError(
                f"{folder}: its signature takes {', '.join(words)}, and was given"
                f" {', '.join(inputs)}"
            )
        return {word: np.asarray(inputs[word]) for word in words}
    values = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    if len(values) != len(words):
        raise ExportError(
            f"{folder}: its signature takes {len(words)} inputs, {', '.join(words)}, and was given"
            f" {len(values)}"
        )
    return {word: np.asarray(value) for word, value in zip(words, values, strict=True)}


def _own(folder: str, loaded: Any, signature: Any) -> list[Weight]:
    """The signature's variables: in the object's order where it has one, else as they were
    captured.
    """
    listed = getattr(loaded, "variables", None)
    captured = {variable.name: variable for variable in signature.variables}
    order = (
        [variable.name for variable in listed if variable.name in captured]
        if listed is not None
        else []
    )
    variables = list(signature.variables)
    if len(captured) == len(variables):
        variables = [captured[name] for name in dict.fromkeys([*order, *captured])]
    names = [variable.name.removesuffix(":0") for variable in variables]
    counts = Counter(names)
    if max(counts.values(), default=1) > 1:
        names = [
            _place(folder, variable, name) if counts[name] > 1 else name
            for variable, name in zip(variables, names, strict=True)
        ]
        names = [
            name if name not in names[:at] else f"{name}:{names[:at].count(name)}"
            for at, name in enumerate(names)
        ]
    return [
        Weight(name, variable.numpy(), bool(variable.trainable))
        for variable, name in zip(variables, names, strict=True)
    ]


def _place(folder: str, variable: Any, name: str) -> str:
    """The path of the only object of the checkpoint with the variable's numbers; the variable's
    name where there is none, or are several.
    """
    import tensorflow as tf

    reader = tf.train.load_checkpoint(os.path.join(folder, "variables", "variables"))
    values = variable.numpy()
    same = [
        key.removesuffix(_VALUE)
        for key, shape in reader.get_variable_to_shape_map().items()
        if key.endswith(_VALUE)
        and tuple(shape) == values.shape
        and np.array_equal(reader.get_tensor(key), values)
    ]
    return same[0] if len(same) == 1 else name
