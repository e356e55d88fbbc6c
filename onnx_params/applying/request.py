"""Take what a user asks for: open the files, decide what goes where, refuse what cannot be."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from onnx_params.applying.draft import Choice
from onnx_params.applying.given import open_weights
from onnx_params.applying.lora import Adapter, merged
from onnx_params.applying.plan import Plan, plan
from onnx_params.applying.record import Application, Row, Way
from onnx_params.containers.checkpoint import Checkpoint
from onnx_params.containers.formats import open_checkpoint
from onnx_params.errors import UnsupportedError, UsageError
from onnx_params.inventory.opening import open_artifact
from onnx_params.inventory.take import take
from onnx_params.matching.reference import prepared

MAX_SHOWN: Final = 5
HINT: Final = "; --reference OLD, the checkpoint that it was made of, may prove more"
Path = str | os.PathLike[str]
Weights = Path | Mapping[str, Any]  # any arrays


@dataclass(frozen=True, kw_only=True)
class Request:
    """An artifact, the weights that it is to have, and on which terms."""

    model: Path
    checkpoint: Weights
    reference: Path | None = None
    lora: Sequence[str] = ()
    choice: Choice = Choice()

    @property
    def path(self) -> str:
        return os.fspath(self.model)

    @cached_property
    def _prepared(self) -> tuple[Plan, Checkpoint, tuple[str, ...]]:
        opened = open_artifact(self.path).model
        if opened.checkpoint is not None:
            raise UsageError(f"{self.path}: is a checkpoint; weights are written into an ONNX file")
        old = None if self.reference is None else open_checkpoint(os.fspath(self.reference))
        inventory = take(opened, checkpoint=old)
        weights, notes = prepared(open_weights(self.checkpoint), opened)
        if not self.lora:
            return plan(inventory, weights, self.choice), weights, notes
        with_adapters = merged(weights, [Adapter.of(words) for words in self.lora])
        made = plan(inventory, with_adapters, self.choice)
        return made, with_adapters, (*notes, _changed(weights, with_adapters, made))

    @property
    def plan(self) -> Plan:
        """What is to be written. Reads the artifact, and the old checkpoint where one is given."""
        return self._prepared[0]

    @property
    def weights(self) -> Checkpoint:
        """The new weights."""
        return self._prepared[1]

    @property
    def inputs(self) -> list[str]:
        """Every file that is read."""
        labels = dict.fromkeys(tensor.source.label for tensor in self.weights.tensors)
        read = [self.weights.path, *labels]
        read += [path for words in self.lora for path in Adapter.of(words).files]
        files = [path for path in read if os.path.isfile(path)]  # not arrays in memory
        return [*self.plan.inventory.input_paths(), *files]

    @property
    def application(self) -> Application:
        """What is planned, as a record of something that was not written."""
        made, weights, notes = self._prepared
        stored = made.model.stored
        return Application(
            model=self.path,
            checkpoint=weights.path,
            output="",
            rows=made.rows,
            n_tensors=len(made.shares),
            n_bytes=sum(stored[key].n_bytes for key in made.shares),
            notes=(*made.notes, *notes),
        )

    def sources(self) -> dict[str, object]:
        """What the weights came from, by its word in the artifact's metadata."""
        found: dict[str, object] = {"checkpoint": os.path.basename(self.weights.path)}
        if self.reference is not None:
            found["reference"] = os.path.basename(os.fspath(self.reference))
        if self.lora:
            found["lora"] = [os.path.basename(words.rstrip("/")) for words in self.lora]
        return found

    def refuse(self) -> None:
        """Raise :class:`UnsupportedError` where a tensor cannot be written, or none is to be."""
        refused = self.plan.refused
        if not refused and not self.plan.shares:
            raise UnsupportedError(
                f"{self.path}: nothing of {self.weights.path} is stored in it, so nothing was"
                " written"
            )
        if refused:
            hint = "" if self.reference is not None else HINT
            raise UnsupportedError(f"{_refusals(refused, self.path, len(self.plan.rows))}{hint}")


def _changed(before: Checkpoint, after: Checkpoint, made: Plan) -> str:
    """How many tensors adapters change, in words.

    Raises :class:`UsageError` where none of them is among those that are written.
    """
    pairs = zip(before.tensors, after.tensors, strict=True)
    changed = {new.name for old, new in pairs if new is not old}
    written = {row.name for row in made.rows if row.is_written or row.way is Way.REFUSED}
    if not changed & written:
        raise UsageError("no tensor that the adapters change is written")
    return f"{len(changed & written)} tensors are changed by the adapters"


def _refusals(refused: Sequence[Row], path: str, n_rows: int) -> str:
    shown = "; ".join(f"'{row.name}': {row.because}" for row in refused[:MAX_SHOWN])
    more = f" (and {len(refused) - MAX_SHOWN} more)" if len(refused) > MAX_SHOWN else ""
    return (
        f"{path}: {len(refused)} of {n_rows} tensors cannot be written, and nothing was:"
        f" {shown}{more}"
    )
