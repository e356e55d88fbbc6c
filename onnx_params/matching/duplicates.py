"""Find parameters that lie in an artifact twice: behind an Identity, or in a transposed copy.

An Identity is not a proof of a tie: torch's TorchScript exporter stores equal tensors once and puts
an Identity before the others, also where two norms merely happen to be all ones. Content decides:
numbers that are all the same may be two parameters, others are one. A transposed copy is found by a
few elements at fixed places of both, and proved by comparing all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from onnx_params.containers.onnx.graph import Model
from onnx_params.errors import OnnxParamsError
from onnx_params.matching.probes import FIRST_PROBES, read_probe
from onnx_params.tensors.encoding import IN_PLACE
from onnx_params.tensors.stored import StoredTensor

MIN_COUNT: Final = 64  # elements below which equal content proves nothing


class Twin(NamedTuple):
    """A name under which a parameter occurs once more; ``same`` says whether it is the same
    parameter.
    """

    name: str
    same: bool


def behind_identities(
    model: Model, tensor: StoredTensor, is_name: Callable[[str], bool]
) -> list[Twin]:
    """The outputs of Identity nodes on a stored tensor that bear names of their own.

    Reads a few values.
    """
    names = [
        use.node.outputs[0]
        for use in model.def_use.uses(tensor.key)
        if use.node is not None
        and use.node.op_type == "Identity"
        and not use.node.domain
        and use.node.outputs
        and is_name(use.node.outputs[0])
    ]
    if not names:
        return []
    same = len(set(read_probe(tensor, False) or [b"0", b"1"])) > 1
    return [Twin(name, same) for name in names]


def transposed(tensors: Iterable[StoredTensor]) -> dict[tuple[str, str], tuple[str, str]]:
    """Key of each matrix that is a transposed copy of one before it -> the key of that one.

    Reads values of candidates.
    """
    groups: dict[tuple[str, tuple[int, ...]], list[StoredTensor]] = {}
    for tensor in tensors:
        if (
            len(tensor.shape) == 2
            and tensor.count >= MIN_COUNT
            and tensor.encoding in IN_PLACE
            and tensor.dtype.bits >= 8
        ):
            groups.setdefault((tensor.dtype.name, tuple(sorted(tensor.shape))), []).append(tensor)
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for (_, dims), group in groups.items():
        if len(group) < 2 or (dims[0] != dims[1] and len({tensor.shape for tensor in group}) < 2):
            continue
        by_probe: dict[tuple[bytes, ...], list[StoredTensor]] = {}
        for tensor in group:
            turned = read_probe(tensor, True, FIRST_PROBES)
            for first in by_probe.get(tuple(turned), ()) if turned else ():
                if (
                    first.shape == tensor.shape[::-1]
                    and _may_be_transposed(first, tensor)
                    and _is_transposed(first, tensor)
                ):
                    found[tensor.key] = first.key
                    break
            else:
                straight = read_probe(tensor, False, FIRST_PROBES)
                if straight:
                    by_probe.setdefault(tuple(straight), []).append(tensor)
    return found


def _may_be_transposed(first: StoredTensor, second: StoredTensor) -> bool:
    turned = read_probe(second, True)
    return turned is not None and len(set(turned)) > 1 and turned == read_probe(first, False)


def _is_transposed(first: StoredTensor, second: StoredTensor) -> bool:
    try:
        import numpy as np

        return bool(np.array_equal(first.read().T, second.read()))
    except (ImportError, OnnxParamsError):
        return False
