"""The commands that judge: audit, lock, verify. What they need is imported when they run."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onnx_params.cli.formats import AuditFormat, LockFormat
from onnx_params.cli.options import Artifact, Output, Refused, answer
from onnx_params.cli.progress import bar
from onnx_params.cli.window import show, window
from onnx_params.errors import UsageError

if TYPE_CHECKING:
    from onnx_params.auditing.audit import Audit
    from onnx_params.render.screen import Window


class FailOn(enum.StrEnum):
    """Lowest severity that fails."""

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
            help="Checkpoint, ONNX file or source map that the artifact should equal.",
        ),
    ] = "",
    format: Annotated[AuditFormat, typer.Option("--format", help="Format of the audit.")] = "table",
    output: Output = "",
    sarif: Annotated[
        str,
        typer.Option(
            "--sarif",
            metavar="FILE",
            help="Also write the findings to this file, as SARIF.",
        ),
    ] = "",
    full: Annotated[
        bool,
        typer.Option("--full", help="List every tensor with its verdict."),
    ] = False,
    policy: Annotated[
        str,
        typer.Option(
            "--policy",
            metavar="FILE",
            help=(
                "File of rules and budgets, or none; by default, onnx-params.toml or pyproject.toml"
                " beside the model, or in this folder or one above it."
            ),
        ),
    ] = "",
    fail_on: Annotated[
        FailOn | None,
        typer.Option(
            "--fail-on", help="Lowest severity that fails; error, unless the policy says otherwise."
        ),
    ] = None,
    runtime: Annotated[
        str,
        typer.Option(
            "--runtime",
            metavar="RELEASE",
            help="Runtime that must load the artifact, such as onnxruntime==1.18.",
        ),
    ] = "",
) -> None:
    """Compare an artifact with its checkpoint, and check that it is fit to ship.

    The exit status is 1 if any finding has a severity that fails.
    """
    from dataclasses import replace

    from onnx_params.auditing.audit import audit as take
    from onnx_params.auditing.policy import read_policy
    from onnx_params.auditing.rules import Severity
    from onnx_params.io.atomic import refuse_overwriting, write

    if reference and len(models) > 1:
        raise UsageError("--reference takes a single model")
    refuse_overwriting([output, sarif], [*models, reference, policy])
    done = []
    refused = Refused(models)
    for model in models:
        rules = read_policy(policy, model)
        if fail_on is not None:
            rules = replace(rules, fail_on=Severity(fail_on.value))
        with refused.skipping(), bar("auditing", model, reference) as progress:
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
        write(sarif, _document(done, "sarif", full, window(sarif), len(models) > 1), inputs)
    text = _document(done, format, full, window(output), len(models) > 1)
    answer(text, output, inputs)
    refused.end()
    if not all(each.passed for each in done):
        raise typer.Exit(1)


def _document(audits: list[Audit], format: str, full: bool, window: Window, several: bool) -> str:
    """All audits in one document."""
    from onnx_params.render import audit as documents
    from onnx_params.render.registry import render
    from onnx_params.render.sarif import of_several

    if format == "sarif":
        return of_several(audits)
    if format == "json" and several:
        return documents.several_to_json(audits)
    if format == "csv":
        return documents.several_to_csv(audits, several)
    if format == "html":
        from onnx_params.render.html_verdicts import of_audits

        return of_audits(audits, several)
    options: dict[str, Any] = {"full": full, "window": window} if format == "table" else {}
    return "\n".join(render(each, format, **options) for each in audits)


def lock(
    model: Artifact,
    output: Output = "",
    format: Annotated[
        LockFormat,
        typer.Option("--format", help="A lock, or a CycloneDX bill of materials."),
    ] = "json",
) -> None:
    """Write a lock file: a digest of every stored tensor and of the structure."""

    from onnx_params.io.atomic import refuse_overwriting
    from onnx_params.locking.lock import lock as take
    from onnx_params.render.registry import render

    refuse_overwriting([output], [model])
    with bar("locking", model) as progress:
        made = take(model, progress=progress)
    text = render(made, format)
    answer(text, output, made.files)


def verify(
    model: Artifact,
    locked: Annotated[str, typer.Argument(metavar="LOCK", help="The lock file that `lock` wrote.")],
) -> None:
    """Compare an artifact with its lock file, tensor by tensor.

    The exit status is 1 if a value or the structure differs, 0 if the artifact was only renamed or
    saved again.
    """

    from onnx_params.locking.document import read_lock
    from onnx_params.locking.verify import verify as hold
    from onnx_params.render.lock import described
    from onnx_params.render.screen import text

    wanted = read_lock(locked)
    with bar("verifying", model) as progress:
        outcome = hold(model, wanted, progress=progress)
    show(text(described(outcome, model, locked), window()))
    if not outcome.same:
        raise typer.Exit(1)
