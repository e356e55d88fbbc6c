"""Offer the verbs to Python: open what a user has, return a record that can write itself down.

>>> import onnx_params
>>> report = onnx_params.analyze("model.onnx")
>>> report
<Report model: 528 parameters in 2 tensors, 2.11 KB>
>>> report["fc.weight"].shape
(32, 16)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, BinaryIO, Self, overload

from onnx_params.comparison.compare import Comparison
from onnx_params.errors import DependencyError, MissingDataError, UsageError
from onnx_params.io.sources import Source
from onnx_params.render.registry import render
from onnx_params.report import analyze as reports
from onnx_params.report import report as records

if TYPE_CHECKING:
    import numpy as np
    import pandas
    import pyarrow

    from onnx_params.extraction.extract import Extraction
    from onnx_params.extraction.restore import Restoration
    from onnx_params.locking.record import Lock
    from onnx_params.locking.verify import Outcome
    from onnx_params.names.architecture import Expected
    from onnx_params.ranking.rank import Ranking

Path = str | os.PathLike[str]
Progress = Callable[[int], None]  # called with the bytes that were read since the last call


def _unheard(n_bytes: int) -> None:
    """A progress that nobody looks at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter(records.Row):
    """A row of a report, whose values can be read."""

    report: Report

    def read(self) -> np.ndarray:
        """The values as the framework had them: in the original's shape and layout, quantized ones
        as the numbers that they stand for in float32. Reads the stored tensors.

        Raises :class:`MissingDataError` where the artifact does not have them.

        >>> onnx_params.analyze("model.onnx")["fc.weight"].read().shape
        (32, 16)
        """
        from onnx_params.inventory.values import values_of

        claim = next(
            (each for each in self.report.inventory.parameters if each.name == self.name), None
        )
        if claim is None or not claim.placements:
            raise MissingDataError(
                f"{self.report.name}: the values of '{self.name}' are not in the artifact as they"
                f" were: {self.view}"
            )
        return values_of(self.report.inventory, claim)

    def __repr__(self) -> str:
        return f"<Parameter {self.name} {self.shape} {self.dtype}>"


class Report(records.Report, Sequence[Parameter]):
    """What is in one artifact: a sequence of its parameters, which are also found by name.

    >>> report = onnx_params.analyze("model.onnx")
    >>> len(report), report[0].name, report["fc.bias"].count
    (2, 'fc.weight', 16)
    """

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Parameter]:
        return (self._parameter(row) for row in self.rows)

    @overload
    def __getitem__(self, at: int | str) -> Parameter: ...
    @overload
    def __getitem__(self, at: slice) -> Self: ...
    def __getitem__(self, at: int | str | slice) -> Parameter | Self:
        """A parameter by place or by name, original or stored; a slice is a report.

        Raises :class:`KeyError` where nothing is called that.
        """
        if isinstance(at, slice):
            return replace(self, rows=self.rows[at])
        if isinstance(at, int):
            return self._parameter(self.rows[at])
        for row in self.rows:
            if at == row.name or at in row.aliases:
                return self._parameter(row)
        for row in self.rows:
            if at in row.stored:
                return self._parameter(row)
        raise KeyError(f"{self.name}: no parameter is called '{at}'")

    def __contains__(self, name: object) -> bool:
        return any(name == row.name or name in row.aliases for row in self.rows)

    def _parameter(self, row: records.Row) -> Parameter:
        values = {each.name: getattr(row, each.name) for each in fields(records.Row)}
        return Parameter(**values, report=self)

    def to_markdown(self) -> str:
        """The report in the seed's format."""
        return render(self, "markdown")

    def to_json(self) -> str:
        """The report by the contract ``onnx-params/report/1``."""
        return render(self, "json")

    def to_csv(self) -> str:
        """The rows, comma-separated, with a header."""
        return render(self, "csv")

    def to_arrow(self) -> pyarrow.Table:
        """The rows as an Arrow table. Raises :class:`DependencyError` without pyarrow."""
        from onnx_params.render.listing import to_arrow
        from onnx_params.render.lists import parameters

        return to_arrow([parameters(self)])

    def to_dataframe(self) -> pandas.DataFrame:
        """The rows as a pandas data frame. Raises :class:`DependencyError` without pandas.

        >>> onnx_params.analyze("model.onnx").to_dataframe()["count"].sum()
        np.int64(528)
        """
        from onnx_params.render.lists import PARAMETERS, parameters

        try:
            import pandas
        except ImportError as error:
            raise DependencyError.of("a data frame", "pandas", "dataframe") from error
        names = [each.key for each in PARAMETERS]
        return pandas.DataFrame(list(parameters(self).rows), columns=names)

    def chart(self, path: Path, by: str = "form") -> None:
        """Draw the pie by form, or bars by ``dtype``, ``module`` or ``bytes``, to a .png, .svg or
        .pdf.

        Raises :class:`DependencyError` without matplotlib.
        """
        from onnx_params.render.chart import draw

        draw(self, os.fspath(path), by)

    def __repr__(self) -> str:
        from onnx_params.render.terminal import summary

        return f"<Report {summary(self)}>"

    def _repr_html_(self) -> str:
        from onnx_params.render.notebook import render as compact

        return compact(self)


def _writable(report: records.Report) -> Report:
    """The same report as one that writes itself down."""
    return Report(
        name=report.name, inventory=report.inventory, rows=report.rows, stats=report.stats
    )


def analyze(
    source: Path | bytes | BinaryIO | Source | Any,  # Any: onnx, onnx_ir
    *,
    name: str | None = None,
    verify: bool = False,
    reference: Path | None = None,
    like: Sequence[Expected] | None = None,
    names_from: Path | None = None,
    strip_prefix: bool = False,
    stats: bool = False,
    progress: Progress = _unheard,
) -> Report:
    """Report the parameters of an artifact: names, shapes, counts, types, evidence.

    ``source`` is a path of an ONNX file or of a checkpoint, ``-`` for standard input, a URL that
    fsspec knows, the bytes of a model, a binary file object, anything with the attributes of
    :class:`~onnx_params.io.sources.Source`, an ``onnx.ModelProto`` or an ``onnx_ir.Model``.
    Weights are not read, unless asked for:

    - ``name``: what the report calls the model; the file's stem if not given.
    - ``reference``: a checkpoint, whose names the rows then have, found and proved by content; or a
      source map.
    - ``like``: the parameters of an architecture without weights.
    - ``names_from``: an export of the same model before it was optimized, or a source map: its
      names, found by content, or by structure where the values are others.
    - ``strip_prefix``: take off what a wrapper put before every name (``module.``, ``_orig_mod.``).
    - ``verify``: read values and compare them with the digests of the source map.
    - ``stats``: read values and describe them (``report.stats``, by name).

    Raises :class:`OnnxParamsError`.

    >>> report = onnx_params.analyze("model.onnx")
    >>> report.parameters
    528
    >>> [(each.name, each.shape, each.evidence) for each in report]
    [('fc.weight', (32, 16), 'stored-name'), ('fc.bias', (16,), 'stored-name')]
    """
    made = reports.analyze(
        source,
        name=name,
        verify=verify,
        reference=reference,
        like=like,
        names_from=names_from,
        strip_prefix=strip_prefix,
        stats=stats,
        progress=progress,
    )
    return _writable(made)


def compare(a: Path, b: Path, *, values: bool = True, progress: Progress = _unheard) -> Comparison:
    """Pair the parameters of two artifacts or checkpoints, and say how each pair differs.

    ``values=False`` pairs by names, shapes and places only, and reads no weights. Raises
    :class:`OnnxParamsError`.

    >>> made = onnx_params.compare("model.onnx", "model.onnx")
    >>> made.differences
    frozenset()
    """
    from onnx_params.comparison.compare import compare as pair

    made = pair(a, b, values=values, progress=progress)
    return replace(made, a=_writable(made.a), b=_writable(made.b))


def rank(models: Sequence[Path], by: str = "parameters") -> Ranking:
    """Models, the largest first, by ``parameters``, ``bytes`` or ``bits``.

    Raises :class:`OnnxParamsError`.

    >>> [each.name for each in onnx_params.rank(["model.onnx"]).entries]
    ['model']
    """
    from onnx_params.ranking.rank import Ranking, entry, ordered

    if by not in ("parameters", "bytes", "bits"):
        raise UsageError(f"by='{by}': there are parameters, bytes, bits")
    entries = [entry(os.fspath(model)) for model in models]
    return Ranking(entries=tuple(ordered(entries, by)))


def lock(model: Path, *, progress: Progress = _unheard) -> Lock:
    """A digest of every stored tensor and of the structure. Reads all values.

    Raises :class:`OnnxParamsError`.

    >>> len(onnx_params.lock("model.onnx").tensors)
    2
    """
    from onnx_params.locking.lock import lock as take

    return take(os.fspath(model), progress=progress)


def verify(model: Path, locked: Path | Lock, *, progress: Progress = _unheard) -> Outcome:
    """Compare an artifact with a lock, or the file of one, tensor by tensor.

    Raises :class:`OnnxParamsError`.

    >>> onnx_params.verify("model.onnx", onnx_params.lock("model.onnx")).same
    True
    """
    from onnx_params.locking.document import read_lock
    from onnx_params.locking.verify import verify as hold

    wanted = read_lock(os.fspath(locked)) if isinstance(locked, (str, os.PathLike)) else locked
    return hold(os.fspath(model), wanted, progress=progress)


def extract(
    model: Path,
    output: Path,
    *,
    dequantize: bool = False,
    reference: Path | None = None,
    names_from: Path | None = None,
    strip_prefix: bool = False,
) -> Extraction:
    """Write the original state dict as safetensors; the answer says what could not be recovered.

    ``dequantize`` also writes values that quantization rounded. Raises :class:`OnnxParamsError`.

    >>> onnx_params.extract("model.onnx", "weights.safetensors").written
    ('fc.weight', 'fc.bias')
    """
    from onnx_params.extraction.extract import extract as write

    report = analyze(model, reference=reference, names_from=names_from, strip_prefix=strip_prefix)
    return write(report.inventory, os.fspath(output), dequantize=dequantize)


def restore(
    model: Path,
    output: Path,
    *,
    reference: Path | None = None,
    names_from: Path | None = None,
    strip_prefix: bool = False,
) -> Restoration:
    """Write the artifact with its parameters' original names, and its source map in the metadata.

    Values and outputs stay the same. Raises :class:`OnnxParamsError`.

    >>> onnx_params.restore("model.onnx", "named.onnx").mapped
    2
    """
    from onnx_params.extraction.restore import restore as write

    report = analyze(model, reference=reference, names_from=names_from, strip_prefix=strip_prefix)
    return write(report.inventory, os.fspath(output))
