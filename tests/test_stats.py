"""Statistics agree with NumPy's on the whole tensor, whatever the pieces, the type and the odd
numbers in it.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from support.artifacts import artifact
from support.process import run

import onnx_params
from onnx_params.tensors.stats import QUANTILES, describe_values

RNG = np.random.default_rng(0)
TYPES = ["float32", "float16", "float64", "int8", "uint8", "int16", "int32", "int64"]


@pytest.mark.parametrize(
    "dtype", [*TYPES, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2]
)
@pytest.mark.parametrize("offset", [0.0, 7.0])
def test_agrees_with_numpy(dtype: object, offset: float) -> None:
    values = (RNG.standard_normal(50_000) * 3 + offset).astype(dtype)
    stats = describe_values(np.array_split(values, 7))
    wide = values.astype(np.float64)
    assert stats is not None
    assert (len(values), wide.min(), wide.max()) == (stats.n, stats.minimum, stats.maximum)
    assert int((wide == 0).sum()) == stats.zeros
    assert wide.mean() == pytest.approx(stats.mean, rel=1e-5, abs=1e-5)
    assert wide.std() == pytest.approx(stats.std, rel=1e-5)
    for q, found in zip(QUANTILES, stats.quantiles, strict=True):
        assert np.quantile(wide, q) == pytest.approx(found, rel=1 / 64, abs=0.01)
    assert stats.n == sum(count for _, count in stats.bins)


@given(
    hnp.arrays(
        np.float32,
        st.integers(1, 300),
        elements=st.floats(width=32, allow_nan=True, allow_infinity=True),
    ),
    st.integers(1, 5),
)
@settings(max_examples=200, deadline=None)
def test_odd_numbers(values: np.ndarray, pieces: int) -> None:
    """NaN, infinities, subnormals, both zeros, extremes; no warning, no overflow."""
    with np.errstate(all="raise", under="ignore"):
        stats = describe_values(np.array_split(values, pieces))
    assert stats is not None
    finite = values[np.isfinite(values)].astype(np.float64)
    assert (int(np.isnan(values).sum()), int(np.isinf(values).sum()), int((finite == 0).sum())) == (
        stats.nans,
        stats.infinite,
        stats.zeros,
    )
    assert (
        int(((finite != 0) & (np.abs(finite) < np.finfo(np.float32).smallest_normal)).sum())
        == stats.subnormal
    )
    if finite.size:
        assert (finite.min(), finite.max()) == (stats.minimum, stats.maximum)
        assert finite.mean() == pytest.approx(
            stats.mean, rel=1e-4, abs=1e-4 * float(np.abs(finite).max())
        )
    else:
        assert math.isnan(stats.mean)


def test_of_a_quantized_parameter() -> None:
    """The numbers that the operator computes with, not the codes."""
    path = artifact("bert", "dynamo+int8-dynamic")
    report = onnx_params.analyze(path, stats=True)
    stats = report.stats["encoder.layer.0.attention.self.query.weight"]
    assert -1 < stats.minimum < 0 < stats.maximum < 1


def test_command(tmp_path: Path) -> None:
    """A table, JSON, and a picture."""
    path = artifact("bert", "dynamo")
    done = run("analyze", str(path), "--stats", "--chart", str(tmp_path / "h.png"))
    assert (0, "") == (done.returncode, done.stderr) and "Median" in done.stdout
    assert b"\x89PNG" == (tmp_path / "h.png").read_bytes()[:4]
    rows = json.loads(run("analyze", str(path), "--stats", "--format", "json").stdout)["parameters"]
    assert all(
        row["stats"]["nan"] == 0
        and row["stats"]["min"] <= row["stats"]["quantiles"]["0.5"] <= row["stats"]["max"]
        for row in rows
    )
