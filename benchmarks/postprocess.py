"""Do to an artifact what people do before they ship it: optimize, halve, quantize, slim."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx

Process = Callable[[Path, Path, Path], None]


def _optimized(level: str) -> Process:
    def process(source: Path, target: Path, inputs: Path) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.graph_optimization_level = getattr(
            ort.GraphOptimizationLevel, f"ORT_ENABLE_{level}"
        )
        options.optimized_model_filepath = str(target)
        options.log_severity_level = 4
        ort.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])

    return process


def _half(source: Path, target: Path, inputs: Path) -> None:
    from onnxruntime.transformers.float16 import convert_float_to_float16

    onnx.save(convert_float_to_float16(onnx.load(source), keep_io_types=True), target)


def _dynamic(source: Path, target: Path, inputs: Path) -> None:
    from onnxruntime.quantization import quantize_dynamic

    quantize_dynamic(_inferable(source), target)


def _inferable(source: Path) -> onnx.ModelProto:
    """Without ``value_info``:

    TorchScript's says other shapes than inference finds in places, and the quantizers refuse that.
    """
    model = onnx.load(source)
    if model.producer_name == "pytorch" and not model.graph.metadata_props:
        del model.graph.value_info[:]
    return model


class _Once:
    """The example inputs, once, as onnxruntime's calibration wants them."""

    def __init__(self, source: Path, inputs: Path) -> None:
        wanted = {value.name for value in onnx.load(source).graph.input}
        with np.load(inputs) as held:
            self.rows: Iterator[dict[str, Any]] = iter(
                [{name: held[name] for name in held.files if name in wanted}]
            )

    def get_next(self) -> dict[str, Any] | None:
        return next(self.rows, None)


def _static(form: str) -> Process:
    def process(source: Path, target: Path, inputs: Path) -> None:
        from onnxruntime.quantization import QuantFormat, quantize_static

        quantize_static(
            _inferable(source),
            target,
            _Once(source, inputs),
            quant_format=getattr(QuantFormat, form),
        )

    return process


def _four_bits(form: str) -> Process:
    def process(source: Path, target: Path, inputs: Path) -> None:
        from onnxruntime.quantization import QuantFormat
        from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

        with tempfile.TemporaryDirectory():
            quantizer = MatMulNBitsQuantizer(
                onnx.load(source),
                block_size=16,
                is_symmetric=True,
                quant_format=getattr(QuantFormat, form),
            )
            quantizer.process()
            quantizer.model.save_model_to_file(str(target), False)

    return process


def _slim(source: Path, target: Path, inputs: Path) -> None:
    import onnxslim

    onnxslim.slim(str(source), str(target))


def _simplified(source: Path, target: Path, inputs: Path) -> None:
    import onnxsim

    model, sound = onnxsim.simplify(onnx.load(source))
    if not sound:
        raise ValueError("onnxsim says that its result differs")
    onnx.save(model, target)


logging.getLogger().setLevel(logging.ERROR)
POSTPROCESSORS: Final[Mapping[str, Process]] = {
    "ort-basic": _optimized("BASIC"),
    "ort-extended": _optimized("EXTENDED"),
    "ort-all": _optimized("ALL"),
    "fp16": _half,
    "int8-dynamic": _dynamic,
    "int8-qdq": _static("QDQ"),
    "int8-qoperator": _static("QOperator"),
    "int4": _four_bits("QOperator"),
    "int4-qdq": _four_bits("QDQ"),
    "onnxslim": _slim,
    "onnxsim": _simplified,
}
