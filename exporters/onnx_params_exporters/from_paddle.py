"""Export a Paddle layer through paddle2onnx, with the names of its ``state_dict``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from onnx_params_exporters.by_content import Weight, compare, finish
from onnx_params_exporters.workshop import calling, saying

OPSET: Final = 15
_STATISTICS: Final = ("._mean", "._variance")


# Paddle's own types
def export(
    model: Any,
    example_inputs: Sequence[Any] | Any,
    path: str,
    *,
    opset: int = OPSET,
    check: bool = True,
) -> None:
    """Export ``model`` to ``path``, whole or not at all; shapes are fixed at those of
    ``example_inputs``, arrays in the order of ``forward``.

    Raises :class:`ExportError` where paddle2onnx fails, or (with ``check``) where onnxruntime's
    outputs differ from the layer's.
    """
    import paddle

    model.eval()
    given = [
        np.asarray(value)
        for value in (
            [example_inputs] if hasattr(example_inputs, "shape") else list(example_inputs)
        )
    ]
    with calling(type(model).__name__):
        answer = model(*map(paddle.to_tensor, given))
    expected = [
        value.numpy() for value in (answer if isinstance(answer, (list, tuple)) else [answer])
    ]
    names = [f"x{at}" for at in range(len(given))]
    specs = [
        paddle.static.InputSpec(list(value.shape), str(value.dtype), name)
        for name, value in zip(names, given, strict=True)
    ]
    weights = [
        Weight(name, value.numpy(), not name.endswith(_STATISTICS))
        for name, value in model.state_dict().items()
    ]

    def write(draft: str) -> None:
        print("converting with paddle2onnx ...", file=sys.stderr)
        stem = os.path.splitext(draft)[0]
        with saying(f"{type(model).__name__}: paddle2onnx cannot convert it"):
            paddle.onnx.export(model, stem, input_spec=specs, opset_version=opset)
            os.replace(f"{stem}.onnx", draft)
        if check:
            compare(draft, dict(zip(names, given, strict=True)), expected)

    finish(path, f"paddle {paddle.__version__}", "paddle2onnx", weights, write)
