"""What the nineteenth part of the second zoo taught, and chains of optimizers: one small artifact
for each kind.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.graphs import Chain, audited, changed, draw

import onnx_params

TORCH = "pytorch"


def shapes(chain: Chain, tmp_path: Path) -> dict[str, tuple[int, ...] | None]:
    path = chain.save(tmp_path / "m.onnx", TORCH)
    return {row.name: row.shape for row in onnx_params.analyze(path).rows}


# -- the audit ------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_changed", [False, True], ids=["same", "changed"])
def test_columns_that_were_looked_up(is_changed: bool, tmp_path: Path) -> None:
    """A layer without a bias whose inputs are one-hot: distances in buckets, of which the exporter
    looked up a column each.
    """
    weight = draw(0, 4, 24)
    places = np.clip(np.abs(np.arange(-60, 61)) // 3, 0, 20)
    table = np.ascontiguousarray(weight[:, places])
    if is_changed:
        table[2, 7] += 1
    chain = Chain()
    chain.linear("fc.weight", fc := draw(1, 16, 16))
    held = chain.last
    chain.node("Gather", chain.keep("onnx::Gather_5", table), "x", axis=1)
    chain.node("Add", held, chain.last)
    made = audited(chain, tmp_path, {"rel_pos__weight": weight, "fc__weight": fc})
    assert changed(made) == ({"rel_pos.weight"} if is_changed else set())
    assert made.passed is not is_changed


# -- what counts ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["final_logits_bias", "onnx::Add_9", "fc.bias"])
def test_what_stands_in_the_place_of_a_bias(name: str, tmp_path: Path) -> None:
    """onnxslim puts into a layer what was added to its results: a buffer by its name, or zeros that
    no module named; another may have been learned, though no layer's bias has two axes.
    """
    values = draw(0, 1, 12) if "::" not in name else np.zeros((1, 12), np.float32)
    chain = Chain()
    chain.linear("fc.weight", draw(1, 12, 16), name, values)
    assert (name == "fc.bias") is (len(shapes(chain, tmp_path)) == 2)


@pytest.mark.parametrize("is_mask", [True, False])
def test_a_mask_that_is_looked_up(is_mask: bool, tmp_path: Path) -> None:
    """One number for pairs of places that see each other, and the least for others, of which the
    model chooses lines.
    """
    mask = np.triu(np.full((12, 12), np.finfo(np.float32).min, np.float32), 1)
    chain = Chain()
    chain.linear("fc.weight", draw(1, 12, 12))
    held = chain.last
    chain.node("Gather", chain.keep("val_21", mask if is_mask else draw(0, 12, 12)), "x")
    chain.node("Add", held, chain.last)
    assert is_mask is (len(shapes(chain, tmp_path)) == 1)


def test_a_head_that_an_optimizer_laid_out_again(tmp_path: Path) -> None:
    """onnxslim calls the weight of the layer that it makes after a product: it is the table."""
    table = draw(0, 24, 16)
    chain = Chain()
    chain.node("Gather", chain.keep("embed.weight", table), "x")
    chain.linear("fc.weight", draw(1, 16, 16))
    chain.linear("linear_3_weight", table)
    assert set(shapes(chain, tmp_path)) == {"embed.weight", "fc.weight"}
