"""Rebuild the whole table of original parameters from what torch's dynamo exporter leaves in the graph's metadata.

The signature lists every parameter in order; FX calls tell which of them each node consumed, also those whose numbers were
merged with equal ones or dropped because they were zero; ``folded_from`` tells what a folded constant was made of.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from onnx_params.graph import Model, Node
from onnx_params.names.claims import Claim, Evidence
from onnx_params.names.fx import BATCH_NORMS, BIASED_MODULES, CLASSES_KEY, FX_NODE_KEY, OPERATORS, SCOPES_KEY, Call, read_call, read_dims, read_list
from onnx_params.names.words import Words
from onnx_params.operators import SLOTS
from onnx_params.tensors import StoredTensor
from onnx_params.views import View


class _Site(NamedTuple):
    """One place where a parameter was consumed: the node, its FX call, the argument's role, the module's path and class."""

    node: Node
    call: Call
    role: str
    scope: str
    module: str

    @property
    def is_whole(self) -> bool:
        """Whether the node's slots are the call's arguments, and not those of something that was fused with it."""
        return self.node.op_type in OPERATORS.get(self.call.target, ())


def claims(model: Model, words: Words) -> list[Claim]:
    """One claim for each original parameter, in the order of ``named_parameters()``; none without a signature."""
    entries = [entry for entry in words.signature if entry.kind == "PARAMETER"]
    if not entries:
        return []
    stored = {tensor.name: tensor for tensor in model.main.tensors}
    sites, by_scope = _sites(model)
    folded: dict[str, list[str]] = {}
    alone: set[str] = set()  # values that were folded from one parameter and nothing else
    for value in words.values:
        sources = words.folded_from(value)
        if len(sources) == 1:
            alone.add(value)
        for source in sources:
            if value in stored:
                folded.setdefault(source, []).append(value)
    targets = {entry.placeholder: entry.target for entry in entries}
    ties: dict[str, str] = {}  # the name that the table shows for a tied parameter's other names -> it
    found: list[Claim] = []
    tied_to: dict[str, list[str]] = {}
    for entry in entries:
        if entry.placeholder not in sites and entry.target not in stored and entry.target not in folded:
            other = _tied(entry.target, by_scope, targets)
            if other is not None:
                ties.setdefault(other, entry.target)
                tied_to.setdefault(other, []).append(entry.target)
    for entry in entries:
        name = entry.target
        if name in ties:  # listed under its first name
            continue
        holder = next((other for other, first in ties.items() if first == name), None)
        if holder is None and any(name in names for names in tied_to.values()):
            continue
        placeholder = entry.placeholder if holder is None else next(e.placeholder for e in entries if e.target == holder)
        claim = _place(holder or name, placeholder, stored, sites.get(placeholder, []), folded, alone)
        aliases = () if holder is None else (*(n for n in tied_to[holder] if n != name), holder)
        shown = claim if holder is None else _under(claim, name, aliases)
        if holder is not None and any(before.view is View.UNKNOWN for before in found):
            shown = shown._replace(certain=False, because=f"{shown.because}; a parameter listed before it that nothing consumed may be the same")
        found.append(shown)
    return found


def _under(claim: Claim, name: str, aliases: tuple[str, ...]) -> Claim:
    because = f"the module of {name} consumed {aliases[-1]}: they are one; {claim.because}"
    return claim._replace(name=name, aliases=aliases, because=because)


def _sites(model: Model) -> tuple[dict[str, list[_Site]], dict[str, list[_Site]]]:
    """Where each placeholder was consumed, and what was consumed in each module, by its path."""
    by_placeholder: dict[str, list[_Site]] = {}
    by_scope: dict[str, list[_Site]] = {}
    for node in model.main.nodes:
        if not node.metadata_spans:
            continue
        metadata = node.read_metadata()
        text = metadata.get(FX_NODE_KEY, "")
        if "%p_" not in text:
            continue
        call = read_call(text)
        if call is None:
            continue
        scopes = read_list(metadata.get(SCOPES_KEY, ""))
        scope = scopes[-2] if len(scopes) > 1 else ""
        classes = read_list(metadata.get(CLASSES_KEY, ""))
        module = classes[-2] if len(classes) > 1 else ""
        roles = call.roles
        for position, argument in enumerate(call.arguments):
            if argument.startswith("%p_"):
                role = roles[position] if position < len(roles) else ""
                site = _Site(node, call, role, scope, module)
                by_placeholder.setdefault(argument[1:], []).append(site)
                by_scope.setdefault(scope, []).append(site)
    return by_placeholder, by_scope


def _tied(name: str, by_scope: dict[str, list[_Site]], targets: dict[str, str]) -> str | None:
    """The parameter that the module of ``name`` consumed in its place."""
    scope, _, leaf = name.rpartition(".")
    for site in by_scope.get(scope, ()):
        for argument, role in zip(site.call.arguments, site.call.roles, strict=False):
            other = targets.get(argument.removeprefix("%"))
            if other is not None and other != name and (role == leaf or (role == "table" and leaf == "weight")):
                return other
    return None


def _place(name: str, placeholder: str, stored: dict[str, StoredTensor], sites: list[_Site], folded: dict[str, list[str]], alone: set[str]) -> Claim:
    """Where the numbers of one parameter are now, and what its shape was."""

    def claim(shape: tuple[int, ...] | None, view: View, because: str, *tensors: StoredTensor, certain: bool = True, dtype: str | None = None) -> Claim:
        return Claim(
            name=name,
            shape=shape,
            dtype=tensors[0].dtype.name if tensors else dtype,
            evidence=Evidence.SIGNATURE,
            certain=certain,
            because=because,
            view=view,
            stored=tuple(tensor.key for tensor in tensors),
        )

    whole = stored.get(name)
    if whole is not None:
        return claim(whole.shape, View.WHOLE, "the signature lists it and a stored tensor bears its name", whole)
    for value in folded.get(name, ()):
        tensor = stored[value]
        if value in alone and any(site.call.target == "aten.linear" and site.role == "weight" for site in sites) and len(tensor.shape) == 2:
            return claim(tensor.shape[::-1], View.TRANSPOSED, f"'{value}' was folded from it; linear takes it transposed", tensor)
    for site in sites:
        norm = _folded_norm(site, stored)
        if norm is not None:
            bias = stored.get(site.node.inputs[2]) if site.role == "bias" and len(site.node.inputs) > 2 else None
            return claim((norm.shape[0],), View.FOLDED, f"a batch norm of as many channels was folded into '{norm.name}' and its bias", bias or norm)
    for site in sites:
        held = _in_slot(site, stored) if site.is_whole else None
        if held is not None and held.name not in folded.get(name, ()):
            turned = site.call.target == "aten.linear" and site.role == "weight" and site.node.op_type == "MatMul"
            shape = held.shape[::-1] if turned else held.shape
            return claim(shape, View.MERGED, f"{site.node.op_type} consumed it; equal content is stored once, as '{held.name}'", held)
    for site in sites:
        known = _shape_of_dropped(site, stored)
        if known is not None:
            shape, because, proven = known
            beside = next(iter(_weights(site.node, stored)), None)  # torch takes only the same type for both
            dtype = None if beside is None else beside.dtype.name
            return claim(shape, View.DROPPED, f"{because}; its numbers are not in the file", certain=proven, dtype=dtype)
    for value in folded.get(name, ()):
        return claim(None, View.SLICED, f"'{value}' was computed from it", stored[value], certain=True)
    return claim(None, View.UNKNOWN, "the signature lists it; no node that is left consumed it")


def _in_slot(site: _Site, stored: dict[str, StoredTensor]) -> StoredTensor | None:
    """The stored tensor in the input slot that plays the argument's role."""
    node, role = site.node, site.role
    row = SLOTS.get((node.domain, node.op_type), ())
    slots: list[int] = []
    if role in ("weight", "bias", "table") and role in row:
        slots = [row.index(role)]
    elif role == "weight" and row[:2] == ("operand", "operand"):
        slots = [1]
    elif role == "bias" and node.op_type == "Add":
        slots = [0, 1]
    for slot in slots:
        if slot < len(node.inputs) and node.inputs[slot] in stored:
            return stored[node.inputs[slot]]
    return None


def _folded_norm(site: _Site, stored: dict[str, StoredTensor]) -> StoredTensor | None:
    """The convolution's weight into which a batch norm was folded: its first dimension is the norm's channels."""
    if site.call.target not in BATCH_NORMS or site.node.op_type != "Conv":
        return None
    return next((weight for weight in _weights(site.node, stored) if len(weight.shape) > 2), None)


def _shape_of_dropped(site: _Site, stored: dict[str, StoredTensor]) -> tuple[tuple[int, ...], str, bool] | None:
    """The shape of a parameter whose slot is empty, from its call and its neighbours, and whether that proves it."""
    call, node = site.call, site.node
    if site.role in ("weight", "bias") and "dims" in call.roles:
        dims = read_dims(call.arguments[call.roles.index("dims")])
        if dims is not None:
            return dims, f"{call.target} was called with normalized_shape {list(dims)}", True
    if site.role != "bias" or not site.is_whole:
        return None
    weight = next(iter(_weights(node, stored)), None)
    if weight is None or len(weight.shape) < 2:
        return None
    if call.target in ("aten.addmm", "aten.linear"):
        turned = node.op_type == "Gemm" and node.read_attributes().get("transB") == 1
        proven = call.target == "aten.linear" or site.module in BIASED_MODULES  # addmm itself takes whatever broadcasts
        return (weight.shape[0 if turned else -1],), f"it was the bias beside '{weight.name}'", proven
    if call.target.startswith("aten.conv") and node.op_type == "Conv":
        return (weight.shape[0],), f"it was the bias beside '{weight.name}'", True
    return None


def _weights(node: Node, stored: dict[str, StoredTensor]) -> Iterator[StoredTensor]:
    if len(node.inputs) > 1 and node.inputs[1] in stored:
        yield stored[node.inputs[1]]
