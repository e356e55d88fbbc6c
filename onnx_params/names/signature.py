"""Rebuild the whole table of original parameters from what torch's dynamo exporter leaves in the
graph's metadata.

The signature lists every parameter in order; FX calls tell which of them each node consumed, also
those whose numbers were merged with equal ones or dropped because they were zero; ``folded_from``
tells what a folded constant was made of.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.consumers import as_torch, consumers
from onnx_params.dataflow.view import View
from onnx_params.dataflow.walk import stored_behind
from onnx_params.idioms import recurrent
from onnx_params.idioms.call_sites import Site, Sites
from onnx_params.idioms.exporter_metadata import Words
from onnx_params.idioms.naming import Evidence
from onnx_params.idioms.torch_dynamo import (
    BATCH_NORMS,
    BIASED_MODULES,
    KEEPS_SHAPE,
    VECTOR_NORMS,
    operator_of,
    read_dims,
)
from onnx_params.idioms.torch_modules import weight_norm_shape
from onnx_params.idioms.torchscript import is_made_up
from onnx_params.names.claim import Claim
from onnx_params.names.placement import Holding, Stored, holding
from onnx_params.operators.schemas import schema
from onnx_params.tensors.steps import SWAP, Reshape, Shape
from onnx_params.tensors.stored import StoredTensor

SIGNATURE: Final = Evidence.SIGNATURE
CONVOLUTIONS: Final = ("Conv", "ConvTranspose")


def claims(model: Model, words: Words) -> list[Claim]:
    """One claim for each original parameter, in the order of ``named_parameters()``; none without a
    signature.
    """
    entries = [entry for entry in words.signature if entry.kind == "PARAMETER"]
    if not entries:
        return []
    table = _Table(model, words)
    targets = {entry.placeholder: entry.target for entry in entries}
    # the parameter that a module consumed -> the names under which it is listed once more
    tied_to: dict[str, list[str]] = {}
    for entry in entries:
        if (
            entry.placeholder not in table.sites.by_placeholder
            and table.stored.get(entry.target) is None
            and entry.target not in table.folded
        ):
            other = _tied(entry.target, table.sites, targets)
            if other is not None:
                tied_to.setdefault(other, []).append(entry.target)
    # the name that the table shows for it
    ties = {other: names[0] for other, names in tied_to.items()}
    holders = {first: other for other, first in ties.items()}
    again = {name for names in tied_to.values() for name in names}
    placeholders = {entry.target: entry.placeholder for entry in entries}
    found: list[Claim] = []
    for entry in entries:
        name = entry.target
        holder = holders.get(name)
        if name in ties or (holder is None and name in again):  # listed under its first name
            continue
        claim = table.place(holder or name, placeholders[holder or name])
        if holder is None:
            found.append(claim)
            continue
        aliases = (*(other for other in tied_to[holder] if other != name), holder)
        shown = _under(claim, name, aliases)
        first = _first_name(shown, found)
        if first is None:
            found.append(shown)
        else:
            because = (
                f"nothing consumed it, and '{name}' of the same leaf is tied: by its place in the"
                f" list they are one; {shown.because}"
            )
            found[first] = shown._replace(
                name=found[first].name, aliases=(name, *aliases), certain=False, because=because
            )
    return found


def buffers(model: Model, words: Words) -> Iterator[Claim]:
    """A claim for each persistent buffer of the signature that is still stored under its name."""
    stored = Stored(model)
    for entry in words.signature:
        if (
            entry.kind == "BUFFER"
            and entry.persistent
            and (held := stored.hold(entry.target)) is not None
        ):
            yield held.claim(
                entry.target,
                SIGNATURE,
                "the signature lists it as a persistent buffer",
                certain=True,
            )


def buffer(model: Model, tensor: StoredTensor) -> Claim:
    """The claim on a buffer by its own name."""
    return holding(model, tensor).claim(
        tensor.name, Evidence.STORED_NAME, "the name in the file", certain=False
    )


def _first_name(tied: Claim, before: list[Claim]) -> int | None:
    """The position of the one parameter before a tied one that nothing consumed and that has the
    same leaf: a shared module's own name.
    """
    leaf = tied.name.rpartition(".")[2]
    found = [
        at
        for at, claim in enumerate(before)
        if claim.view is View.UNKNOWN and claim.name.rpartition(".")[2] == leaf
    ]
    return found[0] if len(found) == 1 else None


def _under(claim: Claim, name: str, aliases: tuple[str, ...]) -> Claim:
    because = f"the module of {name} consumed {aliases[-1]}: they are one; {claim.because}"
    return claim._replace(name=name, aliases=aliases, because=because)


def _tied(name: str, sites: Sites, targets: dict[str, str]) -> str | None:
    """The parameter that the module of ``name`` consumed in its place."""
    scope, _, leaf = name.rpartition(".")
    for site in sites.by_scope.get(scope, ()):
        for argument, role in zip(site.call.arguments, site.call.roles, strict=False):
            other = targets.get(argument.removeprefix("%"))
            if (
                other is not None
                and other != name
                and (role == leaf or (role == "table" and leaf == "weight"))
            ):
                return other
    return None


class _Table:
    """The answers to where a parameter's numbers are now, asked in order."""

    def __init__(self, model: Model, words: Words) -> None:
        self.model = model
        self.words = words
        self.stored = Stored(model)
        self.sites = Sites(model)
        # parameter -> the values that are still there and were made of it
        self.folded: dict[str, list[str]] = {}
        self.alone: set[str] = set()  # values that were made of one parameter and nothing else
        for value in words.values:
            sources = words.folded_from(value)
            if len(sources) == 1:
                self.alone.add(value)
            for source in sources:
                if self.stored.get(value) is not None:
                    self.folded.setdefault(source, []).append(value)

    def place(self, name: str, placeholder: str) -> Claim:
        """Where the numbers of one parameter are now, and what its shape was."""
        sites = self.sites.by_placeholder.get(placeholder, [])
        for answer in (
            self._whole,
            self._turned,
            self._in_recurrent,
            self._in_norm,
            self._merged,
            self._dropped,
            self._computed,
            self._after_conv,
        ):
            claim = answer(name, sites)
            if claim is not None:
                return claim
        return _without(
            name, None, View.UNKNOWN, "the signature lists it; no node that is left consumed it"
        )

    def _whole(self, name: str, sites: list[Site]) -> Claim | None:
        held = self.stored.hold(name)
        if held is None:
            return None
        if self.stored.is_changed(name):
            because = (
                f"the signature lists it; '{held.tensor.name}' was made of it by a fusion that"
                " changes values"
            )
            return held.claim(name, SIGNATURE, because, certain=True, view=View.FOLDED)
        if any(
            site.call.target in BATCH_NORMS and site.node.op_type in CONVOLUTIONS
            for site in self.sites.of_node(held.tensor.name)
        ):
            because = (
                "the signature lists it and a stored tensor bears its name; a batch norm was folded"
                " into its values"
            )
            return held.claim(name, SIGNATURE, because, certain=True, view=View.FOLDED)
        because = "the signature lists it and a stored tensor bears its name"
        return held.claim(
            name,
            SIGNATURE,
            because if held.tensor.name == name else f"{because}, as '{held.tensor.name}'",
            certain=True,
        )

    def _turned(self, name: str, sites: list[Site]) -> Claim | None:
        for value in self.folded.get(name, ()):
            if value in self.alone and any(
                site.call.target == "aten.linear" and site.role == "weight" for site in sites
            ):
                held = self.stored.hold(value, SWAP)
                if held is not None and len(held.shape) == 2:
                    return held.claim(
                        name,
                        SIGNATURE,
                        f"'{value}' was folded from it; linear takes it transposed",
                        certain=True,
                    )
            tensor = self.stored.get(value)
            # a quantiser replaced the node that had the call
            if value in self.alone and not sites and tensor is not None and is_made_up(value):
                for consumer in consumers(self.model, tensor):
                    held = self.stored.hold(
                        value, *as_torch(consumer, holding(self.model, tensor).shape)
                    )
                    if consumer.is_matrix_product and held is not None and len(held.shape) == 2:
                        because = (
                            f"'{value}' was folded from it, and {consumer.node.op_type} takes it:"
                            " linear's weight, transposed"
                        )
                        return held.claim(name, SIGNATURE, because, certain=False)
        return None

    def _in_recurrent(self, name: str, sites: list[Site]) -> Claim | None:
        """One of the parameters that an LSTM, GRU or RNN node takes joined: the call lists them,
        layer by layer.
        """
        for value in self.folded.get(name, ()):
            claim = self._by_torch_name(name, value)
            if claim is not None:
                return claim
        for site in sites:
            if site.call.target not in recurrent.TARGETS:
                continue
            listed = site.call.listed(placeholder_of(self.words, name))
            if listed is None:
                continue
            at, arguments = listed
            nodes = self.sites.of_call(site.call.result, (*recurrent.GATES,))
            held = [
                [
                    self.stored_behind(node.inputs[slot]) if len(node.inputs) > slot else None
                    for slot in (1, 2, 3)
                ]
                for node in nodes
            ]
            parts = []
            for node, (weight, recurrence, bias) in zip(nodes, held, strict=True):
                if weight is None or recurrence is None:
                    return None
                shapes = holding(self.model, weight).shape, holding(self.model, recurrence).shape
                parts.append(recurrent.parts(node.op_type, *shapes, biased=bias is not None))
            if sum(map(len, parts)) != len(arguments):
                return None
            layer = 0
            while at >= len(parts[layer]):
                at -= len(parts[layer])
                layer += 1
            part = parts[layer][at]
            tensor = held[layer][part.slot - 1]
            if tensor is None or not any(
                tensor is self.stored.get(value) for value in self.folded.get(name, ())
            ):
                return None
            because = (
                f"'{tensor.name}' was folded from it and others: {nodes[layer].op_type} takes gates"
                " in another order, directions and biases joined"
            )
            return holding(self.model, tensor, *part.steps).claim(
                name, SIGNATURE, because, certain=True, view=View.PART
            )
        return None

    def _by_torch_name(self, name: str, value: str) -> Claim | None:
        """The part of a joined tensor that ``nn.RNNBase``'s own name for the parameter says; all
        the tensor's other parts must be named there too.
        """
        known = recurrent.read_name(name.rpartition(".")[2])
        tensor = self.stored.get(value)
        if known is None or tensor is None:
            return None
        sources = self.words.folded_from(value)
        for use in self.model.wiring.uses(tensor.key):
            node = use.node
            if node is None or node.op_type not in recurrent.GATES or len(node.inputs) < 3:
                continue
            weight, recurrence = (self.stored_behind(node.inputs[slot]) for slot in (1, 2))
            if weight is None or recurrence is None:
                continue
            biased = len(node.inputs) > 3 and bool(node.inputs[3])
            parts = recurrent.parts(
                node.op_type,
                holding(self.model, weight).shape,
                holding(self.model, recurrence).shape,
                biased,
            )
            inside = [part for part in parts if part.slot == use.slot]
            named = {
                recurrent.read_name(source.rpartition(".")[2])
                for source in sources
                if self.words.kinds.get(source) == "PARAMETER"
            }
            part = next((part for part in inside if (part.kind, part.direction) == known), None)
            if part is not None and named == {(part.kind, part.direction) for part in inside}:
                because = (
                    f"'{tensor.name}' was folded from it and others: {node.op_type} takes gates in"
                    " another order, directions and biases joined"
                )
                return holding(self.model, tensor, *part.steps).claim(
                    name, SIGNATURE, because, certain=True, view=View.PART
                )
        return None

    def _in_norm(self, name: str, sites: list[Site]) -> Claim | None:
        for site in sites:
            if (
                site.call.target in BATCH_NORMS
                and site.node.op_type in CONVOLUTIONS
                and len(site.node.inputs) > 2
            ):
                norm, bias = self._weight(site), self.stored_behind(site.node.inputs[2])
                if (
                    norm is not None
                    and bias is not None
                    and len(norm.shape) > 2
                    and len(bias.shape) == 1
                ):
                    because = (
                        f"a batch norm of as many channels was folded into '{norm.name}' and its"
                        " bias"
                    )
                    return _without(
                        name,
                        bias.shape,
                        View.FOLDED,
                        because,
                        bias if site.role == "bias" else norm,
                    )
        return None

    def _merged(self, name: str, sites: list[Site]) -> Claim | None:
        for site in sites:
            tensor = self._in_slot(site) if site.is_whole else None
            if tensor is not None and not any(
                tensor is self.stored.get(value) for value in self.folded.get(name, ())
            ):
                turned = (
                    site.call.target == "aten.linear"
                    and site.role == "weight"
                    and site.node.op_type == "MatMul"
                )
                held = holding(
                    self.model, tensor, *((SWAP,) if turned and len(tensor.shape) == 2 else ())
                )
                because = (
                    f"{site.node.op_type} consumed it; equal content is stored once, as"
                    f" '{tensor.name}'"
                )
                return held.claim(name, SIGNATURE, because, certain=True, view=View.MERGED)
        return None

    def _dropped(self, name: str, sites: list[Site]) -> Claim | None:
        for site in sites:
            known = self._shape_of_dropped(site)
            if known is not None:
                shape, because, proven = known
                beside = self._weight(site)  # torch takes only the same type for both
                dtype = None if beside is None else beside.dtype.name
                claim = _without(
                    name,
                    shape,
                    View.DROPPED,
                    f"{because}; its numbers are not in the file",
                    certain=proven,
                )
                return claim._replace(dtype=dtype)
        return None

    def _computed(self, name: str, sites: list[Site]) -> Claim | None:
        for value in self.folded.get(name, ()):
            held = self.stored.hold(value)
            if held is None:
                continue
            sources = [source for source in self.words.folded_from(value) if source != name]
            if any(
                site.call.target in VECTOR_NORMS and site.role in ("weight", "bias")
                for site in sites
            ) and all(map(is_made_up, sources)):
                flat = (held.tensor.count,)
                because = f"'{value}' was folded from it; a norm takes a number for each channel"
                # else constants had a part in it: axes to unsqueeze, if they are what they seem
                sure = not sources
                return holding(self.model, held.tensor, Reshape(flat)).claim(
                    name, SIGNATURE, because, certain=sure, view=View.RESHAPED
                )
            normed = weight_norm_shape(name, sources, held.shape)
            if normed is not None:
                because = (
                    f"'{value}' was computed from it as torch's weight_norm does, over its default"
                    " dimension"
                )
                return _without(name, normed, View.FOLDED, because, held.tensor, certain=False)
            kept = _shape_kept(value, held, self.words.folded_from(value), name)
            if kept is not None:
                because = (
                    f"'{value}' was computed from it by operators that keep shapes, if they are"
                    " what they are called"
                )
                return _without(name, kept, View.FOLDED, because, held.tensor, certain=False)
            return _without(name, None, View.SLICED, f"'{value}' was computed from it", held.tensor)
        return None

    def _after_conv(self, name: str, sites: list[Site]) -> Claim | None:
        """A batch norm whose node is gone, and that the list names right after a convolution: it
        has that one's channels, if it follows it.
        """
        owner, _, leaf = name.rpartition(".")
        if (
            sites
            or leaf not in ("weight", "bias")
            or self.words.kinds.get(f"{owner}.running_var") != "BUFFER"
        ):
            return None
        names = [entry.target for entry in self.words.signature if entry.kind == "PARAMETER"]
        at = names.index(f"{owner}.weight") if f"{owner}.weight" in names else 0
        for before in reversed(names[max(0, at - 2) : at]):
            held = self.stored.hold(before)
            if held is not None and len(held.shape) > 2:
                because = (
                    f"nothing of the norm is left; it stands after '{before}' in the list, and was"
                    " folded into it, if it followed it"
                )
                return _without(
                    name, (held.shape[0],), View.FOLDED, because, held.tensor, certain=False
                )
        return None

    def stored_behind(self, name: str) -> StoredTensor | None:
        """The stored tensor of the main graph that a value is, through what dequantises or casts
        it.
        """
        return stored_behind(self.model, "", name) if name else None

    def _weight(self, site: Site) -> StoredTensor | None:
        return self.stored_behind(site.node.inputs[1]) if len(site.node.inputs) > 1 else None

    def _in_slot(self, site: Site) -> StoredTensor | None:
        """The stored tensor in the input slot that plays the argument's role."""
        node, role = site.node, site.role
        operator = schema(node.domain, node.op_type)
        row = () if operator is None else operator.slots
        slots: list[int] = []
        if role in ("weight", "bias", "table") and role in row:
            slots = [row.index(role)]
        elif role == "weight" and row[:2] == ("operand", "operand"):
            slots = [1]
        elif role == "bias" and node.op_type == "Add":
            slots = [0, 1]
        found = (self.stored_behind(node.inputs[slot]) for slot in slots if slot < len(node.inputs))
        return next((tensor for tensor in found if tensor is not None), None)

    def _shape_of_dropped(self, site: Site) -> tuple[Shape, str, bool] | None:
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
        weight = self._weight(site)
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


def placeholder_of(words: Words, name: str) -> str:
    """The placeholder that stands for a parameter in FX calls."""
    return words.placeholders.get(name, "")


def _without(
    name: str,
    shape: Shape | None,
    view: View,
    because: str,
    tensor: StoredTensor | None = None,
    *,
    certain: bool = True,
) -> Claim:
    """A claim on a parameter whose values cannot be had; ``tensor`` is what is left of it."""
    return Claim(
        name=name,
        shape=shape,
        dtype=None if tensor is None else tensor.dtype.name,
        evidence=SIGNATURE,
        certain=certain,
        because=because,
        view=view,
        stored=() if tensor is None else (tensor.key,),
    )


def _shape_kept(value: str, held: Holding, sources: tuple[str, ...], name: str) -> Shape | None:
    """The shape of a parameter of which a value was folded, if the FX names on the way are of
    operators that keep shapes or add ones.

    FX calls its values after their operators: ``exp``, ``neg``, ``unsqueeze_4``. Values that the
    exporter made up in between are taken for constants that those operators needed.
    """
    operators = [
        operator_of(each)
        for each in (value, *sources)
        if each != name and not each.startswith("val_")
    ]
    if any(operator not in KEEPS_SHAPE for operator in operators):
        return None
    ones = sum(operator == "unsqueeze" for operator in operators) - sum(
        operator == "squeeze" for operator in operators
    )
    shape = list(held.shape)
    if ones < 0 or shape.count(1) < ones:
        return None
    for _ in range(ones):
        shape.remove(1)
    return tuple(shape)
