"""Statistics of parameters, as opposed to stored tensors: a quantized one's are of the numbers that
its operator computes with.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from onnx_params.errors import UnsupportedError
from onnx_params.inventory.record import Inventory
from onnx_params.inventory.values import values_of
from onnx_params.names.claim import Claim
from onnx_params.tensors.stats import THREADS, Stats, describe, describe_values
from onnx_params.tensors.steps import Permute, Reshape


def by_parameter(
    inventory: Inventory, progress: Callable[[int], None] = lambda n_bytes: None
) -> dict[str, Stats]:
    """The statistics of each parameter whose values are in the artifact, by name.

    Reads them; ``progress`` is called with the bytes are done.
    """

    def one(claim: Claim) -> tuple[str, Stats | None, int]:
        held = [
            inventory.model.stored[key] for key in claim.stored if key in inventory.model.stored
        ]
        n_bytes = sum(tensor.n_bytes for tensor in held)
        placements = claim.placements
        try:
            if len(placements) == 1 and all(
                isinstance(step, (Permute, Reshape)) for step in placements[0].steps
            ):
                # in whatever order
                return claim.name, describe(inventory.model.stored[placements[0].key]), n_bytes
            if placements:
                return (
                    claim.name,
                    describe_values([values_of(inventory, claim).reshape(-1)]),
                    n_bytes,
                )
            return claim.name, describe(held[0]) if len(held) == 1 else None, n_bytes
        except UnsupportedError:
            return claim.name, None, n_bytes

    found = {}
    with ThreadPoolExecutor(THREADS) as pool:
        for name, stats, n_bytes in pool.map(one, inventory.parameters):
            progress(n_bytes)
            if stats is not None and stats.n:
                found[name] = stats
    return found
