"""Join the claims on parameters that lie in an artifact twice, and part those that share
a tensor.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from typing import Final

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.view import View
from onnx_params.idioms.naming import Evidence, without_number
from onnx_params.idioms.torchscript import is_made_up
from onnx_params.matching import duplicates
from onnx_params.matching.computed_copies import computed_copies
from onnx_params.matching.rounded_copies import rounded_copies
from onnx_params.names.claim import Claim
from onnx_params.tensors.steps import Key, dequantizes
from onnx_params.tensors.stored import StoredTensor

ONCE_MORE: Final = "it once more"
IN_ANOTHER_TYPE: Final = "it once more in another type, by some of its rows"


def tied(
    claims: list[Claim],
    parameter_tensors: dict[Key, StoredTensor],
    model: Model,
    *,
    joins_rounded: bool,
) -> list[Claim]:
    """The claims, where what lies in the file twice is one parameter, and what two parameters share
    is two; ``joins_rounded`` says whether a quantized copy is the same by some of its rows.
    """
    claims = _with_copies(model, claims, parameter_tensors, joins_rounded)
    if not any(
        node.op_type == "Identity" for graph in model.graphs.values() for node in graph.nodes
    ):
        return claims
    found: list[Claim] = []
    for claim in claims:
        tensor = parameter_tensors[claim.stored[0]]
        twins = duplicates.behind_identities(model, tensor, _is_module_name)
        same = tuple(twin.name for twin in twins if twin.same)
        found.append(replace(claim, aliases=(*claim.aliases, *same)) if same else claim)
        found.extend(_merged(claim, twin.name) for twin in twins if not twin.same)
    return found


def joined_to_list(
    listed: list[Claim], extra: list[Claim], model: Model
) -> tuple[list[Claim], list[Claim]]:
    """An exporter's list, and the claims on what is in none: without copies in the same codes or in
    another type.
    """
    if not extra:
        return listed, extra
    at = {claim.stored[0]: place for place, claim in enumerate(listed) if len(claim.stored) == 1}
    by_key = {claim.stored[0]: claim for claim in extra}
    single = {key for key, n in Counter(claim.stored[0] for claim in extra).items() if n == 1}
    joined = list(listed)
    every = [claim.stored[0] for claim in (*listed, *extra) if len(claim.stored) == 1]
    same = duplicates.with_bytes_of(model, (model.stored[key] for key in every))
    gone: set[Key] = set()
    for copy, first in same.items():
        if copy not in single or (first not in at and first not in single):
            continue
        gone.add(copy)
        if first in at:
            joined[at[first]] = _again(joined[at[first]], copy, ONCE_MORE)
        else:
            by_key[first] = _again(by_key[first], copy, ONCE_MORE)
    extra = [by_key[claim.stored[0]] if claim.stored[0] in single else claim for claim in extra]
    for copy, first in rounded_copies(model, [*listed, *extra]).items():
        if copy in at and first in by_key:
            copy, first = first, copy
        if first not in at or copy not in by_key or copy in gone:
            continue
        joined[at[first]] = _again(joined[at[first]], copy, IN_ANOTHER_TYPE)
        gone.add(copy)
    return joined, [claim for claim in extra if claim.stored[0] not in gone]


def _again(claim: Claim, copy: Key, how: str) -> Claim:
    """The claim on a parameter that is stored once more."""
    because = f"{claim.because}; '{copy[1]}' is {how}"
    return replace(claim, stored=(*claim.stored, copy), because=because)


def _with_copies(
    model: Model,
    claims: list[Claim],
    parameter_tensors: dict[Key, StoredTensor],
    joins_rounded: bool,
) -> list[Claim]:
    """The claims, where a tensor and its copy in another layout or type are one parameter."""
    counts = Counter(claim.stored[0] for claim in claims)
    # not parts, nor several that were folded into one
    by_key = {claim.stored[0]: claim for claim in claims if counts[claim.stored[0]] == 1}
    tensors = [parameter_tensors[key] for key in by_key]
    turned = duplicates.transposed(tensors)
    same = duplicates.with_bytes_of(model, tensors)
    rounded = rounded_copies(model, by_key.values()) if joins_rounded else {}
    computed = computed_copies(tensors)
    copies = rounded | computed | duplicates.reshaped(tensors) | turned | same
    gone: set[Key] = set()
    for copy, first in copies.items():
        if by_key[first].evidence is Evidence.NONE and by_key[copy].evidence is not Evidence.NONE:
            copy, first = first, copy
        if first in gone or copy in gone:
            continue
        gone.add(copy)
        was, other = by_key[first], by_key[copy]
        if {first, copy} & turned.keys():
            how = "a transposed copy of it"
        elif {first, copy} & rounded.keys():
            how = IN_ANOTHER_TYPE
        elif {first, copy} & computed.keys():
            how = "computed of it"
        else:
            how = ONCE_MORE
        # a name that an exporter made up is no further name of the parameter
        names = () if other.evidence is Evidence.NONE else (other.name,)
        stem = _numbered_stem(was, other)
        if stem:
            was, names = replace(was, name=stem), ()
        by_key[first] = replace(
            was,
            stored=(*was.stored, copy),
            aliases=(*was.aliases, *names),
            because=f"{was.because}; '{parameter_tensors[copy].name}' is {how}",
        )
    return [by_key.get(claim.stored[0], claim) for claim in claims if claim.stored[0] not in gone]


def _numbered_stem(one: Claim, two: Claim) -> str:
    """The name of which two names are those of copies with numbers; empty where they are not. A
    quantizer numbers its copies without a sign.
    """
    stem = without_number(one.name)
    if stem == without_number(two.name):
        return stem
    stem = os.path.commonprefix([one.name, two.name])
    rests = (one.name[len(stem) :], two.name[len(stem) :])
    are_codes = dequantizes(one.steps) and dequantizes(two.steps)
    are_numbers = all(not rest or rest.isdecimal() for rest in rests)
    return stem if are_codes and are_numbers and stem[-1:].isalnum() else ""


def _merged(claim: Claim, name: str) -> Claim:
    """The claim on a parameter whose numbers are stored once, with equal ones of another."""
    because = (
        f"an Identity gives it the numbers of '{claim.name}', which are all the same:"
        " two parameters may well share them"
    )
    return replace(claim, name=name, certain=False, because=because, view=View.MERGED)


def _is_module_name(name: str) -> bool:
    return "." in name and not is_made_up(name)
