"""The commands that judge: audit, lock, verify. What they need is imported when they run."""

from __future__ import annotations

import enum
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from onnx_params.cli.progress import bar
from onnx_params.errors import UsageError

if TYPE_CHECKING:
    from onnx_params.auditing.audit import Audit


class AuditFormat(enum.StrEnum):
    """How an audit is written."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"
    CSV = "csv"
    SARIF = "sarif"


class LockFormat(enum.StrEnum):
    """How an attestation is written."""

    JSON = "json"
    CYCLONEDX = "cyclonedx"


class FailOn(enum.StrEnum):
    """The least severity that fails."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"
    OFF = "off"


def audit(
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help="ONNX files.")],
    reference: Annotated[
        str,
        typer.Option(
            "--reference",
            metavar="REFERENCE",
            help="What it should be: a checkpoint, another ONNX file, a source map.",
        ),
    ] = "",
    format: Annotated[
        AuditFormat, typer.Option("--format", help="How the audit is written.")
    ] = AuditFormat.TABLE,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="Write there, not to stdout.")
    ] = "",
    sarif: Annotated[
        str,
        typer.Option(
            "--sarif",
            metavar="FILE",
            help="Write the findings there as SARIF as well, for annotations.",
        ),
    ] = "",
    full: Annotated[
        bool,
        typer.Option(
            "--full", help="List every tensor with its verdict, not the numbers of them alone."
        ),
    ] = False,
    policy: Annotated[
        str,
        typer.Option(
            "--policy",
            metavar="FILE",
            help="Rules and budgets; onnx-params.toml or pyproject.toml if not given.",
        ),
    ] = "",
    fail_on: Annotated[
        FailOn | None,
        typer.Option(
            "--fail-on", help="The least severity that gives status 1; error if nothing says else."
        ),
    ] = None,
    runtime: Annotated[
        str,
        typer.Option("--runtime", metavar="RELEASE", help="Must load there: onnxruntime==1.18."),
    ] = "",
) -> None:
    """Say whether an artifact is its checkpoint, and whether it is fit to ship.

    Status 1 where findings fail it.
    """
    from dataclasses import replace

    from onnx_params.auditing.audit import audit as take
    from onnx_params.auditing.policy import read_policy
    from onnx_params.auditing.rules import Severity
    from onnx_params.inventory.opening import need_numpy
    from onnx_params.io.atomic import refuse_overwriting, write

    need_numpy()
    if reference and len(models) > 1:
        raise UsageError("--reference goes with one model")
    refuse_overwriting([output, sarif], [*models, reference, policy])
    rules = read_policy(policy)
    if fail_on is not None:
        rules = replace(rules, fail_on=Severity(fail_on.value))
    done = []
    for model in models:
        with bar("auditing", model, reference) as progress:
            done.append(
                take(
                    model,
                    reference=reference or None,
                    policy=rules,
                    runtime=runtime,
                    progress=progress,
                )
            )
    inputs = [path for each in done for path in (*each.inventory.input_paths(), each.policy.path)]
    refuse_overwriting([output, sarif], inputs)
    if sarif:
        write(sarif, _document(done, AuditFormat.SARIF, full), inputs)
    text = _document(done, format, full)
    if output:
        write(output, text, inputs)
    else:
        sys.stdout.write(text)
    if not all(each.passed for each in done):
        raise typer.Exit(1)


def _document(audits: list[Audit], format: AuditFormat, full: bool) -> str:
    from onnx_params.render.registry import render
    from onnx_params.render.sarif import render as to_sarif

    if format is AuditFormat.SARIF:
        return to_sarif(audits)
    options = {"full": full} if format is AuditFormat.TABLE else {}
    texts = [render(each, format.value, **options) for each in audits]
    if format is AuditFormat.JSON and len(texts) > 1:
        return f"[{', '.join(text.rstrip() for text in texts)}]\n"
    return "\n".join(texts)


def lock(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="An ONNX file.")],
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Where the lock goes; stdout if not given."
        ),
    ] = "",
    format: Annotated[
        LockFormat,
        typer.Option("--format", help="A lock, or a CycloneDX component of the bill of materials."),
    ] = LockFormat.JSON,
) -> None:
    """Write down what an artifact is: a digest of every stored tensor and of the structure, totals,
    producer, source map.
    """
    from onnx_params.inventory.opening import need_numpy
    from onnx_params.io.atomic import refuse_overwriting, write
    from onnx_params.locking.lock import lock as take
    from onnx_params.render.registry import render

    need_numpy()
    refuse_overwriting([output], [model])
    with bar("locking", model) as progress:
        made = take(model, progress=progress)
    text = render(made, format.value)
    if output:
        write(output, text, made.files)
    else:
        sys.stdout.write(text)


def verify(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="An ONNX file.")],
    locked: Annotated[str, typer.Argument(metavar="LOCK", help="What `lock` wrote.")],
) -> None:
    """Hold an artifact against its lock, tensor by tensor.

    Status 1 where a value or the structure differs; a rename or a re-save is describe as such.
    """
    from onnx_params.inventory.opening import need_numpy
    from onnx_params.locking.document import read_lock
    from onnx_params.locking.verify import describe
    from onnx_params.locking.verify import verify as hold

    need_numpy()
    wanted = read_lock(locked)
    with bar("verifying", model) as progress:
        outcome = hold(model, wanted, progress=progress)
    sys.stdout.write(describe(outcome, model, locked))
    if not outcome.same:
        raise typer.Exit(1)
