"""Assert that an inventory accounts for everything once."""

from __future__ import annotations

from pathlib import Path

from onnx_params.inventory.record import Inventory


def assert_partition(inventory: Inventory) -> None:
    """Every stored tensor once, and every byte of every file accounted for."""
    keys = [id(tensor) for tensor, _ in inventory.classified]
    assert len(keys) == len(set(keys)) == sum(1 for _ in inventory.model.tensors)
    others = {id(inventory.classified[position][0]) for position in inventory.others}
    assert not others & {id(tensor) for tensor in inventory.parameter_tensors.values()}
    assert len(others) + len(inventory.parameter_tensors) == len(keys)
    for file in inventory.files:
        if file.n_bytes is not None:
            assert file.structure_bytes is not None and file.structure_bytes >= 0
            assert (
                file.tensor_bytes + file.structure_bytes
                == file.n_bytes
                == Path(file.path).stat().st_size
            )
