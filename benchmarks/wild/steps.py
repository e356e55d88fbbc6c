"""What is done to an artifact before it ships, for kinds of every framework.

Nothing here imports a framework. ``inputs`` is an ``.npz`` with the arrays that the model takes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx

Step = Callable[[Path, Path, Path], None]  # source, target, inputs


def halved(source: Path, target: Path, inputs: Path) -> None:
    """The converter of onnxconverter-common."""
    from onnxconverter_common import float16

    held = float16.convert_float_to_float16(onnx.load(source), keep_io_types=True)
    onnx.save(held, target)


def channels(source: Path, target: Path, inputs: Path) -> None:
    """Quantized with calibration, weights by channel, as people do: prepared first."""
    from onnxruntime.quantization import QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with np.load(inputs) as held:
        rows = iter([dict(held)])
    with tempfile.TemporaryDirectory() as work:
        ready = Path(work) / "ready.onnx"
        quant_pre_process(str(source), str(ready), skip_symbolic_shape=True)
        quantize_static(
            ready,
            target,
            type("Once", (), {"get_next": lambda self: next(rows, None)})(),
            per_channel=True,
            weight_type=QuantType.QInt8,
        )


def shipped(
    steps: Mapping[str, Step], names: Sequence[str], source: Path, inputs: Path, target: Path
) -> None:
    """What the named steps make of a model, one after the other."""
    with tempfile.TemporaryDirectory() as work:
        start = source
        for number, name in enumerate(names):
            made = Path(work) / f"{number}.onnx"
            steps[name](start, made, inputs)
            start = made
        onnx.save(onnx.load(start), target)
