"""Rebuild the whole table of original parameters from what torch's dynamo exporter leaves in the
graph's metadata.

The signature lists every parameter in order; FX calls say which of them each node consumed, also
those whose numbers were merged with equal ones or dropped because they were zero; ``folded_from``
says what a folded constant was made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.view import View
from onnx_params.idioms.call_sites import Site, Sites
from onnx_params.idioms.exporter_metadata import ExporterMetadata
from onnx_params.idioms.naming import Evidence, pattern_of
from onnx_params.idioms.torch_dynamo import Entry
from onnx_params.idioms.torch_modules import packed_weights
from onnx_params.names.claim import Claim
from onnx_params.names.folded_value import values_of
from onnx_params.names.placement import Stored, locate
from onnx_params.names.siblings import with_shapes_of_siblings
from onnx_params.names.signature_calls import (
    by_call,
    by_empty_slot,
    by_folded_norm,
    by_linear,
    by_own_name,
    by_place_in_list,
)
from onnx_params.names.signature_complex import by_complex_call
from onnx_params.names.signature_folded import as_weight, by_computation
from onnx_params.names.signature_recurrent import by_recurrent_call, with_open_layers
from onnx_params.names.signature_table import SIGNATURE, Table, without
from onnx_params.names.slots import MADE_BIAS
from onnx_params.tensors.steps import dequantizes
from onnx_params.tensors.stored import StoredTensor

BIAS: Final = "bias"


def claims(model: Model, metadata: ExporterMetadata) -> list[Claim]:
    """One claim for each original parameter, in the order of ``named_parameters()``; none without a
    signature.
    """
    entries = [entry for entry in metadata.signature if entry.kind == "PARAMETER"]
    if not entries:
        return []
    table = Table(model, metadata)
    placeholders = {entry.target: entry.placeholder for entry in entries}
    tied_to = _listed_again(table, entries)
    # the name that the table shows -> the one that a module consumed
    first_names = {names[0]: consumed for consumed, names in tied_to.items()}
    again: set[str] = set().union(*tied_to.values())
    # listed under their first names
    hidden = {*tied_to, *(again - first_names.keys())}
    found: list[Claim] = []
    packed = packed_weights(entries)
    for entry in entries:
        name = entry.target
        if name in hidden:
            continue
        if name in packed:
            weight, parts = packed[name]
            if name == parts[0]:
                found.append(_packed(table, weight, parts, placeholders))
            continue
        if name.endswith(f".{MADE_BIAS}") and name.removesuffix(f"_{BIAS}") in placeholders:
            found.append(_made_bias(place(table, name, placeholders[name])))
            continue
        first_name = first_names.get(name)
        consumed = first_name or name
        claim = place(table, consumed, placeholders[consumed])
        if first_name is None:
            found.append(claim)
            continue
        aliases = (*(other for other in tied_to[first_name] if other != name), first_name)
        _add_tied(found, _under(claim, name, aliases))
    return with_shapes_of_siblings(with_open_layers(table, found))


def _packed(
    table: Table, weight: str, parts: Sequence[str], placeholders: Mapping[str, str]
) -> Claim:
    """The claim on a weight that the exported program had as codes, scales and zero points."""
    why = "the program had it as codes and scales, listed as originals of a parametrization"
    claim = place(table, parts[0], placeholders[parts[0]])
    folded = [each for part in parts for each in values_of(table, part, [])]
    shape = next((shape for each in folded if (shape := as_weight(each)) is not None), None)
    is_whole = dequantizes(claim.steps)
    if is_whole or shape is None:
        return replace(claim, name=weight, certain=False, because=f"{why}; {claim.because}")
    because = f"{why}; '{folded[0].value}' was computed of them, the weight of a product"
    return replace(folded[0].without(shape, View.FOLDED, because), name=weight)


def _made_bias(claim: Claim) -> Claim:
    """The claim on a bias that a fusion made beside a weight and listed as a parameter."""
    owner = claim.name.removesuffix(f".{MADE_BIAS}")
    because = f"a fusion made it beside '{owner}.weight' and listed it; {claim.because}"
    return replace(
        claim,
        name=f"{owner}.{BIAS}",
        view=View.FOLDED,
        certain=False,
        placements=(),
        because=because,
    )


def _listed_again(table: Table, entries: Sequence[Entry]) -> dict[str, list[str]]:
    """The parameter that a module consumed -> the names under which it is listed once more."""
    targets = {entry.placeholder: entry.target for entry in entries}
    found: dict[str, list[str]] = {}
    for entry in entries:
        name = entry.target
        is_consumed = entry.placeholder in table.sites.by_placeholder
        if is_consumed or table.stored.get(name) is not None or name in table.folded:
            continue
        other = _tied(name, table.sites, targets)
        if other is not None:
            found.setdefault(other, []).append(name)
    return found


def _add_tied(found: list[Claim], shown: Claim) -> None:
    """Add the claim on a tied parameter: in the place of its shared module's own name, where the
    list has that.
    """
    first = _first_name(shown, found)
    if first is None:
        found.append(shown)
        return
    because = (
        f"nothing consumed it, and '{shown.name}' of the same leaf is tied: by its place in the"
        f" list they are one; {shown.because}"
    )
    found[first] = replace(
        shown,
        name=found[first].name,
        aliases=(shown.name, *shown.aliases),
        certain=False,
        because=because,
    )


def buffers(model: Model, metadata: ExporterMetadata) -> Iterator[Claim]:
    """A claim for each persistent buffer of the signature that is still stored under its name."""
    stored = Stored(model)
    for entry in metadata.signature:
        if (
            entry.kind == "BUFFER"
            and entry.persistent
            and (location := stored.locate(entry.target)) is not None
        ):
            yield location.claim(
                entry.target,
                SIGNATURE,
                "the signature lists it as a persistent buffer",
                certain=True,
            )


def buffer(model: Model, tensor: StoredTensor) -> Claim:
    """The claim on a buffer by its own name."""
    return locate(model, tensor).claim(
        tensor.name, Evidence.STORED_NAME, "the name in the file", certain=False
    )


def _first_name(tied: Claim, before: list[Claim]) -> int | None:
    """The position of the one parameter before a tied one that nothing consumed and that has the
    same leaf: a shared module's own name. An item of a list has the list's name there too.
    """
    *_, owner, item, leaf = ("", "", *tied.name.split("."))
    end = f".{owner}.{item}.{leaf}" if item.isdigit() else f".{leaf}"
    found = [
        at
        for at, claim in enumerate(before)
        if claim.view is View.UNKNOWN
        and f".{claim.name}".endswith(end)
        and pattern_of(claim.name) != pattern_of(tied.name)  # another layer's
    ]
    return found[0] if len(found) == 1 else None


def _under(claim: Claim, name: str, aliases: tuple[str, ...]) -> Claim:
    because = f"the module of {name} consumed {aliases[-1]}: they are one; {claim.because}"
    return replace(claim, name=name, aliases=aliases, because=because)


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


def place(table: Table, name: str, placeholder: str) -> Claim:
    """Where the numbers of one parameter are now, and what its shape was."""
    sites = table.sites.by_placeholder.get(placeholder, [])
    for answer in ANSWERS:
        claim = answer(table, name, sites)
        if claim is not None:
            return claim
    return without(
        name, None, View.UNKNOWN, "the signature lists it; no node that is left consumed it"
    )


# where a parameter may be, the surest answer first
ANSWERS: Final[tuple[Callable[[Table, str, list[Site]], Claim | None], ...]] = (
    by_complex_call,
    by_own_name,
    by_linear,
    by_recurrent_call,
    by_folded_norm,
    by_call,
    by_empty_slot,
    by_computation,
    by_place_in_list,
)
