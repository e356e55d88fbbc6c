"""Prove what was written: the result is audited against the checkpoint before it is put in
place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from onnx_params.applying.record import Row, Way
from onnx_params.auditing.judge import judge
from onnx_params.auditing.judgements import Judgement, Verdict
from onnx_params.containers.checkpoint import Checkpoint
from onnx_params.errors import FormatError
from onnx_params.inventory.opening import open_artifact
from onnx_params.inventory.take import take

MAX_SHOWN: Final = 5


def prove(
    path: str,
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    is_whole: bool,
    progress: Callable[[int], None],
) -> None:
    """Audit an artifact against the weights that were written into it.

    ``is_whole`` says that everything was to be written: what the checkpoint does not explain is
    then a fault. Reads all values. Raises :class:`FormatError` where a tensor is not there as it
    should be.
    """
    names = {row.name for row in rows if row.way not in (Way.ABSENT, Way.REFUSED)}
    kept = tuple(tensor for tensor in checkpoint.tensors if is_whole or tensor.name in names)
    aliases = tuple(pair for pair in checkpoint.aliases if is_whole or set(pair) <= names)
    wanted = replace(checkpoint, tensors=kept, aliases=aliases, others=())
    inventory = take(open_artifact(path).model, checkpoint=wanted, progress=progress)
    judgements = judge(inventory)
    wrong = [each for each in judgements if _is_wrong(each, names, is_whole)]
    if wrong:
        shown = "; ".join(f"'{each.name}': {each.because}" for each in wrong[:MAX_SHOWN])
        more = f" (and {len(wrong) - MAX_SHOWN} more)" if len(wrong) > MAX_SHOWN else ""
        raise FormatError(
            f"{checkpoint.path}: the result is not proved to have these weights, and was not put in"
            f" place: {shown}{more}; --no-proof skips the audit"
        )


def _is_wrong(judgement: Judgement, names: set[str], is_whole: bool) -> bool:
    if judgement.verdict is Verdict.EXTRA:
        return is_whole
    return judgement.fails and judgement.name in names
