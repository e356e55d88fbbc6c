"""Say what kind of module each parameter belongs to: by the operators that use it, then by words.

The rows of one module have one kind: a bias is what its weight is.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Sequence
from typing import Final

from onnx_params.dataflow.consumers import consumers
from onnx_params.idioms import vocabulary
from onnx_params.inventory.record import Inventory
from onnx_params.names.claim import Claim
from onnx_params.operators import record


class ModuleKind(enum.Enum):
    """What a module does."""

    EMBEDDING = "embedding"
    ATTENTION = "attention"
    FEED_FORWARD = "feed-forward"
    CONVOLUTION = "convolution"
    RECURRENT = "recurrent"
    LINEAR = "linear"
    NORM = "norm"
    OTHER = "other"


# what an operator says of the module that it was; a matrix product says least, so words go first
_BY_OPERATOR: Final = {
    record.Kind.TABLE: ModuleKind.EMBEDDING,
    record.Kind.CONVOLUTION: ModuleKind.CONVOLUTION,
    record.Kind.RECURRENT: ModuleKind.RECURRENT,
    record.Kind.ATTENTION: ModuleKind.ATTENTION,
    record.Kind.EXPERTS: ModuleKind.FEED_FORWARD,
    record.Kind.NORM: ModuleKind.NORM,
}
_PRODUCTS: Final = frozenset({record.Kind.MATRIX, record.Kind.CONTRACTION})
# words that modules are called by across libraries, not those of one model: torch.nn, Keras layers,
# transformers, timm, diffusers
_BY_WORD: Final = (
    (re.compile(r"norm|(^|[._/])(ln|bn|gn)(_?\w|\d)?[._/]", re.I), ModuleKind.NORM),
    (re.compile(r"embed", re.I), ModuleKind.EMBEDDING),
    (re.compile(r"att(entio)?n|(^|[._/])(mha|qkv|[qkvo]_proj)[._/]", re.I), ModuleKind.ATTENTION),
    (
        re.compile(r"(^|[._/])(mlp|ffn?|feed_?forward|intermediate|experts|fc\d)[._/\d]", re.I),
        ModuleKind.FEED_FORWARD,
    ),
    (re.compile(r"conv", re.I), ModuleKind.CONVOLUTION),
    (re.compile(r"lstm|gru|rnn", re.I), ModuleKind.RECURRENT),
)
_SEPARATOR: Final = re.compile(r"[./]")
MAX_READ: Final = 400  # characters of a name in which words are looked for


def module_kinds(inventory: Inventory) -> tuple[ModuleKind, ...]:
    """The kind of each of an inventory's parameters, in their order. Reads no values."""
    claims = inventory.parameters
    owners = [_owner(claim.name) for claim in claims]
    known = vocabulary.kinds([(claim.name, claim.shape) for claim in claims], frozenset())
    norms = {
        owner
        for owner, claim in zip(owners, claims, strict=True)
        if known[claim.name] is vocabulary.Kind.NORM and owner
    }
    used = _by_use(inventory, claims, owners)
    return tuple(_kind(owner, used, norms) for owner in owners)


def _owner(name: str) -> str:
    """The module that a parameter belongs to: its name without the last segment."""
    pieces = _SEPARATOR.split(name)
    return name[: -len(pieces[-1]) - 1] if len(pieces) > 1 else name


def _by_use(
    inventory: Inventory, claims: Sequence[Claim], owners: Sequence[str]
) -> dict[str, ModuleKind]:
    """Module -> its kind, where an operator that uses one of its parameters says it."""
    found: dict[str, ModuleKind] = {}
    for owner, claim in zip(owners, claims, strict=True):
        for kind in _kinds_of_operators(inventory, claim):
            if found.get(owner, ModuleKind.LINEAR) is ModuleKind.LINEAR:
                found[owner] = kind
    return found


def _kinds_of_operators(inventory: Inventory, claim: Claim) -> Iterator[ModuleKind]:
    model = inventory.model
    # a merged tensor is used by modules of every kind: it says nothing of one
    if claim.view.value in ("merged", "dropped") or model.checkpoint is not None:
        return
    for key in claim.stored:
        tensor = model.stored.get(key)
        if tensor is None:
            continue
        for consumer in consumers(model, tensor):
            operator = consumer.operator
            if operator is None or operator.kind is None:
                continue
            if operator.kind in _PRODUCTS:
                yield ModuleKind.LINEAR
            else:
                yield _BY_OPERATOR[operator.kind]


def _kind(owner: str, used: dict[str, ModuleKind], norms: set[str]) -> ModuleKind:
    by_operator = used.get(owner)
    if by_operator is not None and by_operator is not ModuleKind.LINEAR:
        return by_operator
    if owner in norms:
        return ModuleKind.NORM
    words = f"{owner[-MAX_READ:]}."
    # the innermost word says most: a norm in an attention, an attention in an embedding
    last = max(
        ((each.end(), kind) for pattern, kind in _BY_WORD for each in pattern.finditer(words)),
        key=lambda pair: pair[0],
        default=None,
    )
    return last[1] if last is not None else by_operator or ModuleKind.OTHER
