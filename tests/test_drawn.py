"""What the tenth part of the second zoo taught, whose models were drawn by lot: one small artifact
for each kind.
"""

from __future__ import annotations

from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from onnxruntime.quantization import QuantType, quantize_dynamic
from support.graphs import Chain, checkpoint

from onnx_params.auditing.audit import audit

SIZES = (64, 96)
N_LAYERS = 4


def draw(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("reduces", [False, True], ids=["whole", "reduced"])
@pytest.mark.parametrize("by_channel", [False, True], ids=["tensor", "channels"])
@pytest.mark.parametrize("kind", [QuantType.QInt8, QuantType.QUInt8], ids=["signed", "unsigned"])
@pytest.mark.parametrize("half", [np.float16, ml_dtypes.bfloat16], ids=["float16", "bfloat16"])
def test_half_precision_before_codes(
    half: type, kind: QuantType, by_channel: bool, reduces: bool, tmp_path: Path
) -> None:
    """Weights that were cast to half precision and then quantized are their checkpoint's; where a
    row is a twentieth larger, that one is not.
    """
    weights = {
        f"layer{at}__weight": draw(at, SIZES[at % 2], SIZES[1 - at % 2]) for at in range(N_LAYERS)
    }
    chain = Chain()
    for name, weight in weights.items():
        stored = chain.keep(name.replace("__", "."), weight.astype(half).astype(np.float32).T)
        chain.node("MatMul", chain.last, stored)
    exported, quantized = chain.save(tmp_path / "m.onnx"), tmp_path / "q.onnx"
    quantize_dynamic(
        exported, quantized, weight_type=kind, per_channel=by_channel, reduce_range=reduces
    )
    assert audit(quantized, reference=checkpoint(tmp_path / "c.safetensors", **weights)).passed
    weights["layer1__weight"][7] *= np.float32(1.05)
    made = audit(quantized, reference=checkpoint(tmp_path / "d.safetensors", **weights))
    assert {finding.name for finding in made.findings if finding.rule == "changed"} == {
        "layer1.weight"
    }
