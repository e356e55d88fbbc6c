"""Export a module of Flax (NNX or Linen) or Equinox through jax2onnx, with its own names."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from onnx_params_exporters.by_content import Weight, compare, finish
from onnx_params_exporters.jax_modules import take
from onnx_params_exporters.workshop import calling, saying

OPSET: Final = 23


def export(
    model: Any,
    example_inputs: Sequence[Any] | Any,
    path: str,
    *,
    opset: int = OPSET,
    batched: bool = False,
    check: bool = True,
) -> None:
    """Export ``model`` to ``path``, whole or not at all; shapes are fixed at those of
    ``example_inputs``, arrays in the order of its call.

    ``model`` is a Flax NNX module, a Linen module bound to its variables, an Equinox module or
    (module, state) of one; ``batched`` maps an Equinox module, which takes one sample, over the
    first dimension of its inputs. Raises :class:`ExportError` where it cannot be called or jax2onnx
    fails, or (with ``check``) where onnxruntime's outputs differ from the module's.
    """
    import jax

    taken = take(model, batched)
    given = [
        np.asarray(value)
        for value in (
            [example_inputs] if hasattr(example_inputs, "shape") else list(example_inputs)
        )
    ]
    names = [
        *taken.inputs[: len(given)],
        *(f"input_{at}" for at in range(len(taken.inputs), len(given))),
    ]
    kind = type(model[0] if isinstance(model, tuple) else model).__name__
    with calling(kind):
        expected = [np.asarray(value) for value in jax.tree.leaves(taken.call(*given))]
    shapes = [
        jax.ShapeDtypeStruct(value.shape, jax.dtypes.canonicalize_dtype(value.dtype))
        for value in given
    ]
    convert(
        taken.call,
        shapes,
        names,
        given,
        expected,
        kind,
        path,
        (taken.framework, taken.weights),
        opset=opset,
        check=check,
    )


def convert(
    call: Callable[..., Any],
    shapes: Sequence[Any],  # jax.ShapeDtypeStruct
    names: Sequence[str],
    given: Sequence[np.ndarray],
    expected: Sequence[np.ndarray],
    kind: str,
    path: str,
    own: tuple[str, Sequence[Weight]],
    *,
    opset: int = OPSET,
    check: bool = True,
) -> None:
    """Let jax2onnx convert a function of arrays, and finish it with a framework's ``own``
    weights.
    """
    from jax2onnx import to_onnx

    def write(draft: str) -> None:
        print("converting with jax2onnx ...", file=sys.stderr)
        with saying(f"{kind}: jax2onnx cannot convert it"):
            to_onnx(
                call,
                list(shapes),
                opset=opset,
                input_names=list(names),
                return_mode="file",
                output_path=draft,
            )
        if check:
            compare(draft, dict(zip(names, given, strict=True)), expected)

    framework, weights = own
    finish(path, framework, "jax2onnx", weights, write)
