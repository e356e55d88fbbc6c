"""Place complex parameters, which the file has as real numbers: in pairs, or as the matrices of a
product of real and imaginary parts.
"""

from __future__ import annotations

from typing import Final

from onnx_params.dataflow.consumers import consumers
from onnx_params.dataflow.view import View
from onnx_params.idioms.call_sites import Site
from onnx_params.idioms.torch_dynamo import ELEMENT_BY_ELEMENT, FX_NODE_KEY, read_call
from onnx_params.names.claim import Claim
from onnx_params.names.folded_value import Folded, values_of
from onnx_params.names.signature_folded import as_weight
from onnx_params.names.signature_table import Table, without
from onnx_params.tensors.steps import Shape

PAIR: Final = 2  # a real and an imaginary part


def by_complex_call(table: Table, name: str, sites: list[Site]) -> Claim | None:
    """The claim on a parameter that is added to complex numbers, or multiplies them; ``None`` where
    nothing in the model is complex.
    """
    if not table.sites.complex:
        return None
    return _in_pairs(table, name, sites) or _as_matrix(table, name)


def _in_pairs(table: Table, name: str, sites: list[Site]) -> Claim | None:
    """Stored under its name with an axis more: a real parameter would have none."""
    location = table.stored.locate(name)
    is_taken = any(
        site.call.target in ELEMENT_BY_ELEMENT and table.sites.takes_complex(site.call)
        for site in sites
    )
    if location is None or not is_taken or location.shape[-1:] != (PAIR,):
        return None
    because = "a call takes it with complex numbers; each of its own is stored as a pair"
    shape = location.shape[:-1]
    return without(name, shape, View.FOLDED, because, location.tensor, certain=False)


def _as_matrix(table: Table, name: str) -> Claim | None:
    """The matrix of a product with complex numbers: real parts above imaginary ones."""
    for folded in values_of(table, name, []):
        shape = as_weight(folded)
        if not folded.others and shape is not None and _is_of_complex_product(folded):
            because = f"'{folded.value}' has its real parts beside its imaginary ones"
            return folded.without(_halved(shape), View.FOLDED, because)
    return None


def _is_of_complex_product(folded: Folded) -> bool:
    table = folded.table
    for consumer in consumers(table.model, folded.location.tensor):
        call = read_call(consumer.node.read_metadata().get(FX_NODE_KEY, ""))
        if consumer.is_matrix_product and call is not None and call.result in table.sites.complex:
            return folded.location.shape[0] % PAIR == 0
    return False


def _halved(shape: Shape) -> Shape:
    """The shape of a weight of as many outputs, and half as many inputs."""
    return (*shape[:-1], shape[-1] // PAIR)
