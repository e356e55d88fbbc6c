"""Measure how many of Keras' parameters come back from tf2onnx's names alone, without a source map:
keras.applications with random weights.

A row is back where name and shape are the variable's; every value that is read under such a name is
held against the variable's. Run with ``make bench``, or by itself: ``python
benchmarks/keras_names.py``.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import onnx

import onnx_params
from onnx_params.inventory.values import values_of
from onnx_params.report.report import Report

# name -> (options, side of the picture); all but MobileNet, ResNet50V2 and VGG16 were looked at
# while the rules were written
MODELS: dict[str, tuple[dict[str, Any], int]] = {
    "MobileNetV2": ({"alpha": 0.35}, 96),
    "ResNet50": ({}, 64),
    "DenseNet121": ({}, 64),
    "EfficientNetV2B0": ({}, 64),
    "Xception": ({}, 96),
    "NASNetMobile": ({}, 224),
    "MobileNetV3Small": ({}, 96),
    "MobileNet": ({"alpha": 0.25}, 96),
    "InceptionV3": ({}, 96),
    "EfficientNetB0": ({}, 64),
    "ResNet50V2": ({}, 64),
    "VGG16": ({"include_top": False}, 64),
    "InceptionResNetV2": ({}, 96),
}


def build(name: str) -> tuple[Any, np.ndarray]:
    """The model with every variable drawn different, and an input."""
    import keras

    options, side = MODELS[name]
    keras.backend.clear_session()
    model = getattr(keras.applications, name)(weights=None, input_shape=(side, side, 3), **options)
    draw = np.random.default_rng(0)
    for variable in model.weights:
        values = draw.standard_normal(variable.shape).astype(np.float32) * 0.1
        if variable.path.endswith("variance"):
            values = np.abs(values) + 0.5
        elif variable.path.endswith("gamma"):
            values = values + 1
        if "seed" not in variable.path:
            variable.assign(values)
    return model, np.zeros((1, side, side, 3), np.float32)


def bare(model: Any, example: np.ndarray, path: Path) -> tuple[Report, dict[str, np.ndarray]]:
    """The report on the artifact without its source map, and the model's own parameters."""
    from onnx_params_exporters import from_keras

    from_keras.export(model, example, str(path), check=False)
    proto = onnx.load(path)
    del proto.metadata_props[:]
    onnx.save(proto, path)
    return onnx_params.analyze(path), {
        weight.name: weight.values for weight in from_keras.own(model) if weight.trained
    }


def main() -> None:
    print(
        f"{'model':20} {'rows':>5} {'back':>7} {'parameters':>12} {'counted':>12}"
        f" {'wrong values':>12}"
    )
    for name in sys.argv[1:] or MODELS:
        with tempfile.TemporaryDirectory() as folder:
            report, own = bare(*build(name), Path(folder) / "m.onnx")
            back = sum(own[row.name].shape == row.shape for row in report.rows if row.name in own)
            held = [
                claim
                for claim in report.inventory.parameters
                if claim.placements and claim.name in own
            ]
            wrong = sum(
                not np.array_equal(own[claim.name], values_of(report.inventory, claim))
                for claim in held
            )
            total = sum(values.size for values in own.values())
            print(
                f"{name:20} {len(own):5} {back / len(own):7.1%} {total:12,} {report.parameters:12,}"
                f" {wrong:12}",
                flush=True,
            )


if __name__ == "__main__":
    main()
