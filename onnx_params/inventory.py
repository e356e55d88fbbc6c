"""Account for an artifact: every stored tensor once, as (part of) a parameter or as something else, with reasons."""

from __future__ import annotations

from dataclasses import dataclass

from onnx_params.errors import FormatError
from onnx_params.graph import Model
from onnx_params.names import signature, source_map, stored
from onnx_params.names.claims import Claim, Key
from onnx_params.names.words import Words
from onnx_params.parse import Parser
from onnx_params.roles import Role, Verdict, classify
from onnx_params.tensors import StoredTensor
from onnx_params.wire import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class FileBytes:
    """One file of an artifact: its length, and how much of it stored tensors take; the rest is structure or padding.

    ``n_bytes`` is ``None`` where the file is not there; ``tensor_bytes`` is then what the headers say.
    """

    path: str
    n_bytes: int | None
    tensor_bytes: int

    @property
    def structure_bytes(self) -> int | None:
        """Bytes that belong to no stored tensor."""
        return None if self.n_bytes is None else self.n_bytes - self.tensor_bytes


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """What is in one artifact.

    ``parameters`` are the claims that won, in the original's order where something tells it, else in file order. ``verdicts`` holds
    every stored tensor once, in file order. ``others`` are the positions in ``verdicts`` that no parameter's claim covers.
    """

    model: Model
    verdicts: tuple[tuple[StoredTensor, Verdict], ...]
    parameters: tuple[Claim, ...]
    claims: tuple[Claim, ...]
    holders: dict[Key, StoredTensor]
    others: tuple[int, ...]
    files: tuple[FileBytes, ...]
    notes: tuple[str, ...]


def take(source: Source, path: str | None) -> Inventory:
    """Read an artifact and account for it. Raises :class:`FormatError` where it is none."""
    return _account(Parser(source, path).model())


def _account(model: Model) -> Inventory:
    words = Words(model=model)
    verdicts = tuple(classify(model, words))
    table = source_map.claims(model, words)
    second = signature.claims(model, words)
    chosen = table or second
    notes: list[str] = []
    if words.source_map is not None and not table:
        notes.append("a source map is there and cannot be used")
    if table and second:
        chosen = _completed(table, second)
    covered = {key for claim in chosen for key in claim.stored}
    rows = list(chosen)
    others: list[int] = []
    extra: list[Claim] = []
    holders: dict[Key, StoredTensor] = {}
    for position, (tensor, verdict) in enumerate(verdicts):
        if tensor.key in covered:
            holders.setdefault(tensor.key, tensor)
        elif verdict.role is Role.PARAMETER and not (chosen and _is_derived(words, tensor)):
            holders.setdefault(tensor.key, tensor)
            extra.append(stored.claim(model, tensor))
        else:
            others.append(position)
    if chosen and extra:
        notes.append(f"{len(extra)} stored tensors look like parameters and are in no list of the exporter's")
    files, missing = _files(model, [tensor for tensor, _ in verdicts])
    if missing:
        notes.append(f"{', '.join(missing[:5])} is not there: names, shapes and totals are from the headers alone")
    unknown = sum(claim.shape is None for claim in rows)
    if unknown:
        notes.append(f"{unknown} parameters have no shape that the file tells; they count nothing in the totals")
    return Inventory(
        model=model,
        verdicts=verdicts,
        parameters=(*rows, *extra),
        claims=(*table, *second, *extra),
        holders=holders,
        others=tuple(others),
        files=files,
        notes=tuple(notes),
    )


def _completed(table: list[Claim], second: list[Claim]) -> list[Claim]:
    """The source map's rows; where one does not know where its numbers are, the signature's word on that."""
    from dataclasses import replace

    by_name = {claim.name: claim for claim in second}
    rows: list[Claim] = []
    for claim in table:
        other = by_name.get(claim.name)
        known = other is not None and not claim.stored and (other.stored or other.view.value == "dropped")
        rows.append(replace(claim, view=other.view, stored=other.stored, because=f"{claim.because}; {other.because}") if known and other else claim)
    return rows


def _is_derived(words: Words, tensor: StoredTensor) -> bool:
    """Whether a tensor was computed from parameters that the table lists already."""
    return not tensor.place.graph and any(words.kinds.get(source) == "PARAMETER" for source in words.folded_from(tensor.name))


def _files(model: Model, tensors: list[StoredTensor]) -> tuple[tuple[FileBytes, ...], list[str]]:
    """Bytes by file. A byte that two tensors share counts once; spans of the model's own file must not overlap."""
    own = sum(span.n_bytes for t in tensors for part in (t, t.indices) if part is not None for span in part.spans)
    if own > model.source.n_bytes:
        raise FormatError(f"{model.source.label}: its tensors claim {own} bytes, the file has {model.source.n_bytes}")
    files = [FileBytes(path=model.source.label, n_bytes=model.source.n_bytes, tensor_bytes=own)]
    external: dict[str, list[tuple[int, int]]] = {}
    sizes: dict[str, int | None] = {}
    for tensor in tensors:
        for part in (tensor, tensor.indices):
            if part is not None and part.external is not None:
                external.setdefault(part.external.file.path, []).append(part.external_span)
                sizes[part.external.file.path] = part.external.file.n_bytes
    missing = []
    for path, spans in external.items():
        files.append(FileBytes(path=path, n_bytes=sizes[path], tensor_bytes=_union(spans)))
        if sizes[path] is None:
            missing.append(path)
    return tuple(files), missing


def _union(spans: list[tuple[int, int]]) -> int:
    total = reached = 0
    for start, stop in sorted(spans):
        total += max(0, stop - max(start, reached))
        reached = max(reached, stop)
    return total
