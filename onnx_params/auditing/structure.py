"""Find what is wrong with an artifact's structure: files, bytes, types, metadata; from headers
alone but for checksums and copies.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from typing import Final

from onnx_params.auditing.policy import Policy
from onnx_params.auditing.releases import beyond
from onnx_params.auditing.rules import Finding
from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.consumers import consumers
from onnx_params.inventory.record import Inventory
from onnx_params.io.remote import is_url
from onnx_params.io.sources import Source
from onnx_params.matching import duplicates
from onnx_params.matching.probes import read_probe
from onnx_params.matching.verify import is_equal
from onnx_params.roles.role import Classification, Role, RuleId
from onnx_params.tensors.encoding import Encoding
from onnx_params.tensors.steps import Key
from onnx_params.tensors.stored import StoredTensor

MIN_COPY: Final = 1024  # elements below which a copy wastes nothing
LARGE: Final = 1 << 20  # bytes of a constant that are many
MAX_GAP: Final = 1 << 16  # bytes between two tensors that alignment explains
CHUNK: Final = 1 << 20
_BESIDE: Final = (".data", "_data", ".bin", ".weight", ".weights", ".safetensors")
_PATHS: Final = re.compile(
    rb"(?:/home/|/Users/|/root/|/mnt/|/workspace/|[A-Za-z]:\\\\?Users\\|File"
    rb" \"/|/site-packages/)[\x21-\x7e]{2,120}"
)


def check(
    inventory: Inventory, names: dict[Key, str], policy: Policy, runtime: str
) -> Iterator[Finding | None]:
    """Every finding of these rules; ``names`` are the parameters' names by stored tensor."""
    yield from _wasted(inventory, names, policy)
    yield from _types(inventory, names, policy)
    yield from _files(inventory, names, policy)
    model = inventory.model
    leak = first_path(model.source, inventory)
    if leak:
        yield policy.find(
            "source-paths",
            os.path.basename(model.source.label),
            f"metadata contains paths of the exporting machine: {leak}",
        )
    for message in beyond(model, runtime) if runtime else ():
        yield policy.find("runtime", "", message)
    domains: dict[str, set[str]] = {}
    for graph in model.graphs.values():
        for node in graph.nodes:
            if (
                node.domain not in ("", "ai.onnx", "ai.onnx.ml")
                and (node.domain, node.op_type) not in model.functions
            ):
                domains.setdefault(node.domain, set()).add(node.op_type)
    for domain, operators in domains.items():
        yield policy.find(
            "custom-operators", domain, f"{', '.join(sorted(operators)[:8])} of {domain}"
        )


def _wasted(
    inventory: Inventory, names: dict[Key, str], policy: Policy
) -> Iterator[Finding | None]:
    for tensor, classification in inventory.classified:
        if _is_unused(inventory.model, tensor, classification):
            yield policy.find(
                "unused",
                names.get(tensor.key, tensor.name),
                "no node takes it",
                (tensor.name,),
                tensor.n_bytes,
            )
        if _is_large_constant(tensor, classification):
            yield policy.find(
                "large-constant",
                tensor.name,
                f"{classification.role.value} by rule {classification.rule.value}",
                (tensor.name,),
                tensor.n_bytes,
            )
    yield from _duplicates(inventory, names, policy)


def _is_unused(model: Model, tensor: StoredTensor, classification: Classification) -> bool:
    """Whether no node takes a tensor that a graph gives a name."""
    if model.checkpoint is not None or model.def_use.uses(tensor.key):
        return False
    is_attribute = bool(tensor.place.op_type) and tensor.place.op_type != "Constant"
    return not is_attribute and classification.rule is not RuleId.SHADOWED


def _is_large_constant(tensor: StoredTensor, classification: Classification) -> bool:
    return (
        classification.role in (Role.CONSTANT, Role.BUFFER)
        and tensor.n_bytes > LARGE
        and tensor.encoding is not Encoding.OPAQUE
    )


def _duplicates(
    inventory: Inventory, names: dict[Key, str], policy: Policy
) -> Iterator[Finding | None]:
    """Parameters that are stored twice, as they are or transposed. Reads values."""
    stored = inventory.model.stored
    parameters = [
        stored[key]
        for key in inventory.parameter_tensors
        if key in stored and stored[key].count >= MIN_COPY
    ]
    copies = _copies(parameters)
    for copy, key in copies.items():
        message = f"equal to '{names.get(key, key[1])}'"
        yield policy.find(
            "duplicate", names.get(copy, copy[1]), message, (copy[1],), stored[copy].n_bytes
        )
    for copy, key in duplicates.transposed(parameters).items():
        if copy not in copies:
            message = f"'{copy[1]}' is '{names.get(key, key[1])}' transposed"
            yield policy.find(
                "tied-twice", names.get(copy, copy[1]), message, (copy[1],), stored[copy].n_bytes
            )


def _copies(tensors: Iterable[StoredTensor]) -> dict[Key, Key]:
    """Key of each tensor that equals one before it -> the key of that one."""
    groups: dict[tuple[str, tuple[int, ...], tuple[bytes, ...]], StoredTensor] = {}
    copies: dict[Key, Key] = {}
    for tensor in tensors:
        probe = read_probe(tensor, False)
        if not probe or len(set(probe)) < 2:
            continue
        first = groups.setdefault((tensor.dtype.name, tensor.shape, tuple(probe)), tensor)
        if first.key != tensor.key and is_equal(first, tensor):
            copies[tensor.key] = first.key
    return copies


def _types(inventory: Inventory, names: dict[Key, str], policy: Policy) -> Iterator[Finding | None]:
    stored = inventory.model.stored
    floats: dict[str, list[StoredTensor]] = {}
    quantized = False
    for key in inventory.parameter_tensors:
        tensor = stored.get(key)
        if tensor is None:
            continue
        if tensor.dtype.name == "float64":
            yield policy.find(
                "float64",
                names.get(key, tensor.name),
                f"{tensor.count:,} numbers of 8 bytes",
                (tensor.name,),
                tensor.n_bytes,
            )
        if tensor.dtype.is_float and tensor.dtype.bits > 8:
            floats.setdefault(tensor.dtype.name, []).append(tensor)
        elif tensor.dtype.is_narrow_integer:
            quantized = True
    if len(floats) > 1:
        shown = ", ".join(
            f"{len(tensors)} {name}"
            for name, tensors in sorted(floats.items(), key=lambda item: -len(item[1]))
        )
        yield policy.find("mixed-precision", "", f"parameters are {shown}")
    for tensor in (t for tensors in floats.values() for t in tensors) if quantized else ():
        if (
            len(tensor.shape) >= 2
            and tensor.count >= MIN_COPY
            and _is_weight(inventory.model, tensor)
        ):
            message = f"{tensor.dtype.name} in a model with quantized weights"
            yield policy.find(
                "unquantized",
                names.get(tensor.key, tensor.name),
                message,
                (tensor.name,),
                tensor.n_bytes,
            )


def _is_weight(model: Model, tensor: StoredTensor) -> bool:
    return any(
        consumer.is_product or consumer.node.op_type == "Gather"
        for consumer in consumers(model, tensor)
    )


def _files(inventory: Inventory, names: dict[Key, str], policy: Policy) -> Iterator[Finding | None]:
    by_file: dict[str, list[StoredTensor]] = {}
    for tensor, _ in inventory.classified:
        for part in (tensor, tensor.indices):
            if part is not None and part.external is not None:
                by_file.setdefault(part.external.file.path, []).append(part)
    for path, tensors in by_file.items():
        file = tensors[0].external.file  # type: ignore[union-attr]  # they are here because they have one
        if file.n_bytes is None:
            missing = (
                f"{len(tensors)} stored tensors lie in it, the first is"
                f" '{names.get(tensors[0].key, tensors[0].name)}'"
            )
            yield policy.find("external-missing", path, missing)
            continue
        yield from _spans(path, file.n_bytes, tensors, names, policy)
        wanted = {
            t.external.checksum for t in tensors if t.external is not None and t.external.checksum
        }
        if wanted:
            have = sha1(file.open())
            for checksum in sorted(wanted - {have}):
                yield policy.find(
                    "external-checksum", path, f"its SHA-1 is {have}, the model says {checksum}"
                )
    yield from _unreferenced(inventory, set(by_file), policy)


def _spans(
    path: str, n_bytes: int, tensors: list[StoredTensor], names: dict[Key, str], policy: Policy
) -> Iterator[Finding | None]:
    reached, last = 0, ""
    gaps = 0
    for tensor in sorted(tensors, key=lambda t: t.external_span):
        start, stop = tensor.external_span
        name = names.get(tensor.key, tensor.name)
        if start < reached and not any(
            t is not tensor and t.external_span == tensor.external_span for t in tensors
        ):
            yield policy.find(
                "external-overlap",
                name,
                f"bytes {start} to {min(stop, reached)} of {path} are also those of '{last}'",
                (tensor.name,),
            )
        if start - reached > MAX_GAP:
            gaps += start - reached
        wanted = tensor.dtype.packed_length(
            tensor.count if tensor.stored is None else tensor.stored
        )
        if (
            tensor.external is not None
            and tensor.external.length is not None
            and tensor.external.length > wanted
        ):
            message = f"{tensor.external.length} bytes of {path}, its shape takes {wanted}"
            yield policy.find(
                "external-length", name, message, (tensor.name,), tensor.external.length - wanted
            )
        if stop > reached:
            reached, last = stop, name
    if n_bytes - reached > MAX_GAP:
        gaps += n_bytes - reached
    if gaps:
        yield policy.find("external-gap", path, f"{gaps} bytes belong to no tensor", (), gaps)


def _unreferenced(inventory: Inventory, used: set[str], policy: Policy) -> Iterator[Finding | None]:
    """Files that are called after the model as writers of external data call them, and that no
    tensor points into.
    """
    path = inventory.model.path
    if path is None or is_url(path):
        return
    folder, name = os.path.split(path)
    real = {os.path.realpath(each) for each in used}
    for stem in (name, os.path.splitext(name)[0]):
        for ending in _BESIDE:
            beside = os.path.join(folder, f"{stem}{ending}")
            if ending == ".safetensors" and not used:
                continue  # a checkpoint beside its export
            if (
                os.path.isfile(beside)
                and os.path.realpath(beside) not in real
                and os.path.realpath(beside) != os.path.realpath(path)
            ):
                yield policy.find(
                    "external-unreferenced",
                    beside,
                    "no stored tensor points into it",
                    (),
                    os.path.getsize(beside),
                )


def sha1(source: Source) -> str:
    """The SHA-1 of a file, in chunks: what ONNX calls its checksum."""
    digest = hashlib.sha1(usedforsecurity=False)
    for start in range(0, source.n_bytes, CHUNK):
        digest.update(source.read(start, min(CHUNK, source.n_bytes - start)))
    return digest.hexdigest()


def first_path(source: Source, inventory: Inventory) -> str:
    """The first path of a developer's machine in what is not a payload; empty where there
    is none.
    """
    spans = sorted(
        span
        for t, _ in inventory.classified
        for part in (t, t.indices)
        if part is not None and part.source is source
        for span in part.spans
    )
    at = 0
    for start, stop in [*spans, (source.n_bytes, source.n_bytes)]:
        while at < start:
            data = source.read(at, min(CHUNK, start - at))
            match = _PATHS.search(data)
            if match is not None:
                return match[0].decode("ascii", "replace")
            at += len(data)
        at = max(at, stop)
    return ""
