"""Counting traps: each a small model whose true number of parameters is known by construction."""

from __future__ import annotations

import pytest
from support.traps import TRAPS, opaque

import onnx_params


@pytest.mark.parametrize("name", TRAPS)
def test_trap(name: str) -> None:
    """The count is the true one, and the partition holds."""
    true, build = TRAPS[name]
    report = onnx_params.analyze(build().SerializeToString())
    listed = [(row.name, row.count) for row in report.rows]
    besides = [(other.name, other.role, other.rule) for other in report.others]
    assert true == report.parameters, f"parameters {listed}, besides {besides}"
    keys = [id(tensor) for tensor, _ in report.inventory.classified]
    assert (
        len(keys)
        == len(set(keys))
        == len(report.inventory.parameter_tensors) + len(report.inventory.others)
    )


def test_scales_are_quantization() -> None:
    """Scales and zero points have their own role, by hand or by operator."""
    for name in (
        "int8_behind_cast_and_multiplication",
        "uint8_less_a_zero_point_times_a_scale",
        "qdq_per_channel_with_int32_bias",
        "nbits_of_4",
    ):
        report = onnx_params.analyze(TRAPS[name][1]().SerializeToString())
        assert {"quantization"} == {other.role for other in report.others}, name


def test_ties_are_aliases() -> None:
    """Another name of the same parameter is an alias; of a merged one it is a row of its own,
    inferred.
    """
    (row,) = onnx_params.analyze(TRAPS["tied_through_identity"][1]().SerializeToString()).rows
    assert ("a.w", ("b.w",)) == (row.name, row.aliases)
    (row,) = onnx_params.analyze(
        TRAPS["tied_through_a_transposed_copy"][1]().SerializeToString()
    ).rows
    assert ("table", ("head",), ("table", "head")) == (row.name, row.aliases, row.stored)
    first, second = onnx_params.analyze(
        TRAPS["two_norms_of_ones_merged_behind_an_identity"][1]().SerializeToString()
    ).rows
    assert ("n.0.w", "n.1.w", "merged", False) == (
        first.name,
        second.name,
        second.view,
        second.certain,
    )


def test_packed_rows_say_their_bits() -> None:
    """A 4-bit weight is shown as such: its K x N, its type, a little over 4 bits a weight."""
    (row,) = onnx_params.analyze(TRAPS["nbits_of_4"][1]().SerializeToString()).rows
    assert ((40, 6), "uint4", "unpacked, dequantized, transposed") == (
        row.shape,
        row.dtype,
        row.view,
    )
    # 64 of 40: the padding of the second block is stored and not counted
    assert 8 * 6 * 32 / 240 == row.bits_per_weight


def test_opaque_nodes_are_shown() -> None:
    """A compiled model counts nothing, its bytes are accounted for, and the report says so."""
    report = onnx_params.analyze(opaque())
    (other,) = report.others
    assert (0, "opaque") == (report.parameters, other.role)
    assert other.n_bytes >= 5000 and any(
        "cannot be read" in note for note in report.inventory.notes
    )
