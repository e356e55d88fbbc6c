"""Place parameters by the calls that consumed them, by what was folded from them, or by their place
in the list.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from onnx_params.dataflow.consumers import as_torch, consumers
from onnx_params.dataflow.view import View
from onnx_params.idioms.call_sites import Site
from onnx_params.idioms.naming import module_of
from onnx_params.idioms.torch_dynamo import (
    BATCH_NORMS,
    BIASED_MODULES,
    FOLDING,
    read_dims,
)
from onnx_params.idioms.torchscript import is_made_up
from onnx_params.names.claim import Claim
from onnx_params.names.placement import locate
from onnx_params.names.signature_table import (
    SIGNATURE,
    Table,
    constant_of,
    in_slot,
    weight_of,
    without,
)
from onnx_params.tensors.steps import SWAP, Shape, Steps


def by_own_name(table: Table, name: str, sites: list[Site]) -> Claim | None:
    location = table.stored.locate(name)
    if location is None:
        return None
    because = ""
    if location.tensor.name in table.sites.with_norm:
        because = (
            "the signature lists it and a stored tensor bears its name; a batch norm was folded"
            " into its values"
        )
    elif table.stored.is_changed(name):
        made = f"'{location.tensor.name}' was made of it by a fusion that changes values"
        if location.tensor.name == name:
            made = "the result of its layer is called after what was put into its values"
        because = f"the signature lists it; {made}"
    if because:
        return location.claim(name, SIGNATURE, because, certain=True, view=View.FOLDED)
    because = "the signature lists it and a stored tensor bears its name"
    return location.claim(
        name,
        SIGNATURE,
        because if location.tensor.name == name else f"{because}, as '{location.tensor.name}'",
        certain=True,
    )


def by_linear(table: Table, name: str, sites: list[Site]) -> Claim | None:
    for value in table.folded.get(name, ()):
        if value in table.alone and any(
            site.call.target == "aten.linear" and site.role == "weight" for site in sites
        ):
            location = table.stored.locate(value, *_turn(table, value))
            if location is not None and len(location.shape) == 2:
                return location.claim(
                    name,
                    SIGNATURE,
                    f"'{value}' was folded from it; linear takes it transposed",
                    certain=True,
                )
        tensor = table.stored.get(value)
        # a quantizer replaced the node that had the call
        if value in table.alone and not sites and tensor is not None and is_made_up(value):
            for consumer in consumers(table.model, tensor):
                location = table.stored.locate(
                    value, *as_torch(consumer, locate(table.model, tensor).shape)
                )
                if consumer.is_matrix_product and location is not None and len(location.shape) == 2:
                    because = (
                        f"'{value}' was folded from it, and {consumer.node.op_type} takes it:"
                        " linear's weight, transposed"
                    )
                    return location.claim(name, SIGNATURE, because, certain=False)
    return None


def _turn(table: Table, value: str) -> Steps:
    """The step to linear's weight from what the graph has of it: transposed, unless its product
    takes it so.
    """
    tensor = table.stored.get(value)
    if tensor is None:
        return (SWAP,)
    for consumer in consumers(table.model, tensor):
        if consumer.is_matrix_product:
            return as_torch(consumer, locate(table.model, tensor).shape)
    return (SWAP,)


def by_folded_norm(table: Table, name: str, sites: list[Site]) -> Claim | None:
    for site in sites:
        if (
            site.call.target in BATCH_NORMS
            and site.node.op_type in FOLDING
            and len(site.node.inputs) > 2
        ):
            norm, bias = weight_of(table, site), constant_of(table, site.node.inputs[2])
            if (
                norm is not None
                and bias is not None
                and len(norm.shape) > 1
                and len(bias.shape) == 1
            ):
                because = (
                    f"a batch norm of as many channels was folded into '{norm.name}' and its bias"
                )
                return without(
                    name,
                    bias.shape,
                    View.FOLDED,
                    because,
                    bias if site.role == "bias" else norm,
                )
    return None


def by_call(table: Table, name: str, sites: list[Site]) -> Claim | None:
    for site in sites:
        tensor = in_slot(table, site) if site.is_whole else None
        if tensor is not None and not any(
            tensor is table.stored.get(value) for value in table.folded.get(name, ())
        ):
            turned = (
                site.call.target == "aten.linear"
                and site.role == "weight"
                and site.node.op_type == "MatMul"
            )
            location = locate(
                table.model, tensor, *((SWAP,) if turned and len(tensor.shape) == 2 else ())
            )
            because = (
                f"{site.node.op_type} consumed it; equal content is stored once, as '{tensor.name}'"
            )
            return location.claim(name, SIGNATURE, because, certain=True, view=View.MERGED)
    return None


def by_empty_slot(table: Table, name: str, sites: list[Site]) -> Claim | None:
    for site in sites:
        known = shape_of_dropped(table, site)
        if known is not None:
            shape, because, proven = known
            beside = weight_of(table, site)  # torch takes only the same type for both
            dtype = None if beside is None else beside.dtype.name
            claim = without(
                name,
                shape,
                View.DROPPED,
                f"{because}; its numbers are not in the file",
                certain=proven,
            )
            return replace(claim, dtype=dtype)
    return None


def by_place_in_list(table: Table, name: str, sites: list[Site]) -> Claim | None:
    """A batch norm whose node is gone, and that the list names right after a convolution: it
    has that one's channels, if it follows it.
    """
    owner, _, leaf = name.rpartition(".")
    if (
        sites
        or leaf not in ("weight", "bias")
        or table.metadata.kinds.get(f"{owner}.running_var") != "BUFFER"
    ):
        return None
    names = [entry.target for entry in table.metadata.signature if entry.kind == "PARAMETER"]
    at = names.index(f"{owner}.weight") if f"{owner}.weight" in names else 0
    for before in (*_beside_in_lists(table, names, owner), *reversed(names[max(0, at - 2) : at])):
        location = table.stored.locate(before)
        if location is not None and len(location.shape) > 2:
            because = (
                f"nothing of the norm is left; it stands after '{before}' in the list, and was"
                " folded into it, if it followed it"
            )
            return without(
                name, (location.shape[0],), View.FOLDED, because, location.tensor, certain=False
            )
    return None


def _beside_in_lists(table: Table, names: Sequence[str], owner: str) -> Iterator[str]:
    """The weight of the same number in the list of modules that stands before a module's list of
    norms: ``convs.1`` of ``bns.1``.
    """
    stack, _, number = owner.rpartition(".")
    first = f"{stack}.0.weight"
    is_of_norms = table.metadata.kinds.get(f"{stack}.0.running_var") == "BUFFER"
    if not number.isdecimal() or not is_of_norms or first not in names:
        return
    before = names[names.index(first) - 1] if names.index(first) else ""
    other, _, last = before.rpartition(".")[0].rpartition(".")
    weight = f"{other}.{number}.weight"
    if last.isdecimal() and module_of(other) == module_of(stack) and weight in names:
        yield weight


def shape_of_dropped(table: Table, site: Site) -> tuple[Shape, str, bool] | None:
    """The shape of a parameter whose slot is empty, from its call and its neighbours, and
    whether that proves it.
    """
    call, node = site.call, site.node
    if site.role in ("weight", "bias") and "dims" in call.roles:
        dims = read_dims(call.arguments[call.roles.index("dims")])
        if dims is not None:
            return dims, f"{call.target} was called with normalized_shape {list(dims)}", True
    if site.role != "bias" or not site.is_whole:
        return None
    weight = weight_of(table, site)
    if weight is None or len(weight.shape) < 2:
        return None
    if call.target in ("aten.addmm", "aten.linear"):
        turned = node.op_type == "Gemm" and node.read_attributes().get("transB") == 1
        # addmm itself takes whatever broadcasts
        proven = call.target == "aten.linear" or site.module in BIASED_MODULES
        return (
            (weight.shape[0 if turned else -1],),
            f"it was the bias beside '{weight.name}'",
            proven,
        )
    if call.target.startswith("aten.conv") and node.op_type == "Conv":
        return (weight.shape[0],), f"it was the bias beside '{weight.name}'", True
    return None
