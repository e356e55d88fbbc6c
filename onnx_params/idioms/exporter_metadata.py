"""Collect what the exporter itself says of values: which are parameters, buffers, constants, and
what was folded from what.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from onnx_params.containers.onnx.graph import Model
from onnx_params.idioms.composed import as_exported
from onnx_params.idioms.onnxruntime import undo
from onnx_params.idioms.source_map import KEY, SourceMap, from_document
from onnx_params.idioms.torch_dynamo import (
    FOLDED_KEY,
    KIND_KEY,
    SIGNATURE_KEY,
    Entry,
    read_list,
    read_signature,
)
from onnx_params.tensors.steps import Key

# what constant folding makes of quantized weights. Source: torch/_inductor/constant_folding.py
_FROZEN: Final = re.compile(r"_frozen_param\d+")
_ROLE_OF_KIND: Final = {"PARAMETER": "parameter", "BUFFER": "buffer", "CONSTANT_TENSOR": "buffer"}


@dataclass(frozen=True, kw_only=True)
class ExporterMetadata:
    """The exporter's words on one artifact; empty where it left none.

    ``given`` is a source map from beside it.
    """

    model: Model
    given: SourceMap | None = None

    @cached_property
    def source_map(self) -> SourceMap | None:
        """Our own source map, or ``None``; a broken one counts as none."""
        return self.given if self.given is not None else from_document(self._document)

    @cached_property
    def has_broken_map(self) -> bool:
        """Whether a source map is there and cannot be used."""
        return self.source_map is None and self._document is not None

    @cached_property
    def _document(self) -> Any:  # JSON of a stranger
        text = self.model.read_metadata().get(KEY)
        try:
            return json.loads(text) if text else None
        except (ValueError, RecursionError):
            return None

    @cached_property
    def signature(self) -> tuple[Entry, ...]:
        """The torch exporter's signature of the main graph."""
        return read_signature(self.model.main.read_metadata().get(SIGNATURE_KEY, ""))

    @cached_property
    def values(self) -> dict[str, dict[str, str]]:
        """Metadata of the main graph's values."""
        return self.model.main.read_value_metadata()

    @cached_property
    def kinds(self) -> dict[str, str]:
        """Original name -> kind, by the signature."""
        return {entry.target: entry.kind for entry in self.signature}

    @cached_property
    def placeholders(self) -> dict[str, str]:
        """Original name -> the placeholder that represents it in FX calls."""
        return {entry.target: entry.placeholder for entry in self.signature}

    @cached_property
    def _mapped(self) -> dict[str, str]:
        """Stored name -> role, by the source map."""
        found: dict[str, str] = {}
        if self.source_map is None:
            return found
        for role, rows in (
            ("parameter", self.source_map.parameters),
            ("buffer", self.source_map.buffers),
        ):
            for row in rows:
                if row.stored is not None:
                    found.setdefault(row.stored, role)
        return found

    def _kind_before(self, name: str) -> str | None:
        """What the signature calls a value, or that of which a tool made it, by the names."""
        names = [name, *(hop.base for hop in undo(name))]
        known = [as_exported(self.model, each) for each in names]
        return next((self.kinds[each] for each in known if each in self.kinds), None)

    def folded_from(self, name: str) -> tuple[str, ...]:
        """The names from which a value of the main graph was computed at export time."""
        return read_list(self.values.get(name, {}).get(FOLDED_KEY, ""))

    @cached_property
    def has_roles(self) -> bool:
        """Whether the exporter said anything of roles."""
        return bool(self.signature or self._mapped)

    def role_of(self, key: Key) -> tuple[str, str] | None:
        """``(role, reason)`` where the exporter said what the value is."""
        path, name = key
        if path or not self.has_roles:
            return None
        if name in self._mapped:
            return self._mapped[name], "the source map says so"
        if not self.signature:
            return None
        if _FROZEN.fullmatch(name) is not None:
            return "parameter", "torch folded a parameter into it, by its name"
        said = self.values.get(name, {})
        kind = said.get(KIND_KEY)
        if kind in _ROLE_OF_KIND:
            return _ROLE_OF_KIND[kind], f"InputSpec.kind is {kind}"
        kind = self._kind_before(name)
        if kind is not None:
            return _ROLE_OF_KIND[kind], f"the signature lists it as {kind}"
        sources = self.folded_from(name)
        if sources:
            parents = [source for source in sources if self.kinds.get(source) == "PARAMETER"]
            if parents:
                return "parameter", f"folded from {', '.join(parents[:5])}"
            if any(source in self.kinds for source in sources):
                return "buffer", "folded from buffers"
        return None
