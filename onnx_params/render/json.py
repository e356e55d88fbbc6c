"""Write a report as JSON by the contract ``onnx-params/report/1`` (``schemas/report.json``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from onnx_params.inventory.record import Inventory
from onnx_params.names.claim import Claim
from onnx_params.render.text import finite, json_text
from onnx_params.report.report import SCHEMA, Report, Row
from onnx_params.roles.role import Classification
from onnx_params.tensors.steps import Key, describe

if TYPE_CHECKING:
    from onnx_params.tensors.stats import Stats

SEVERAL: Final = "onnx-params/reports/1"
MAX_CLAIMS: Final = 8  # on one stored tensor; a merged one has a claim for each parameter


def of_reports(reports: Sequence[Report], several: bool) -> dict[str, Any]:  # JSON
    """One document; of ``several`` models, even if only one could be read, an envelope."""
    made = [document(report) for report in reports]
    return {"schema": SEVERAL, "reports": made} if several else made[0]


def document(report: Report) -> dict[str, Any]:  # JSON
    """The report as plain lists, dictionaries, strings and numbers."""
    model = report.inventory.model
    return {
        "schema": SCHEMA,
        "model": {
            "name": report.name,
            "path": model.path,
            "ir_version": model.ir_version,
            "producer_name": model.producer_name,
            "producer_version": model.producer_version,
            "opsets": [{"domain": domain, "version": version} for domain, version in model.opsets],
            "files": [
                {
                    "path": f.path,
                    "bytes": f.n_bytes,
                    "tensor_bytes": f.tensor_bytes,
                    "structure_bytes": f.structure_bytes,
                }
                for f in report.inventory.files
            ],
        },
        "totals": {
            "layers": report.layers,
            "parameters": report.parameters,
            "stored_parameters": report.stored_parameters,
            "bytes": report.n_bytes,
            "bits_per_weight": (
                8 * report.n_bytes / report.parameters if report.parameters else None
            ),
        },
        "forms": [
            {"form": f.form, "layers": f.layers, "parameters": f.parameters} for f in report.forms
        ],
        "dtypes": [
            {"dtype": f.form, "layers": f.layers, "parameters": f.parameters} for f in report.dtypes
        ],
        "parameters": _parameters(report),
        "others": [
            {
                "name": o.name,
                "role": o.role,
                "rule": o.rule,
                "because": o.because,
                "dtype": o.dtype,
                "shape": o.shape,
                "bytes": o.n_bytes,
                "place": o.place,
            }
            for o in report.others
        ],
        "notes": list(report.inventory.notes),
    }


def _parameters(report: Report) -> list[dict[str, Any]]:  # JSON
    """The rows, each with what it is known by and where it is stored."""
    claims = _claims_by_key(report.inventory)
    roles = {tensor.key: given for tensor, given in report.inventory.classified}
    return [_parameter(report, row, claims, roles) for row in report.rows]


def _parameter(
    report: Report,
    row: Row,
    claims: Mapping[Key, Sequence[Claim]],
    roles: Mapping[Key, Classification],
) -> dict[str, Any]:  # JSON
    claim = row.claim
    made: dict[str, Any] = {
        "name": row.name,
        "shape": row.shape,
        "squeezed_shape": row.squeezed_shape,
        "count": row.count,
        "form": row.form,
        "dtype": row.dtype,
        "bytes": row.n_bytes,
        "bits_per_weight": row.bits_per_weight,
        "evidence": row.evidence,
        "certain": row.certain,
        "view": row.view,
        "stored": row.stored,
        "aliases": row.aliases,
    }
    if claim is not None:
        made["kind"] = report.kinds.get(claim.name, "other")
        made["because"] = claim.because
        made["placements"] = _placements(report.inventory, claim, roles)
        made["claims"] = _other_claims(claim, claims)
    if row.name in report.stats:
        made["stats"] = statistics(report.stats[row.name])
    return made


def _claims_by_key(inventory: Inventory) -> dict[Key, list[Claim]]:
    """Stored tensor -> every claim on it, those that lost too."""
    found: dict[Key, list[Claim]] = {}
    for claim in inventory.claims:
        for key in claim.stored:
            found.setdefault(key, []).append(claim)
    return found


def _other_claims(
    won: Claim, claims: Mapping[Key, Sequence[Claim]]
) -> list[dict[str, Any]]:  # JSON
    """What else was claimed of the same stored tensors, by another source of evidence."""
    others = {
        id(each): each
        for key in won.stored
        for each in claims.get(key, ())[:MAX_CLAIMS]
        if each is not won and each.evidence is not won.evidence
    }
    return [
        {
            "name": each.name,
            "evidence": each.evidence.value,
            "certain": each.certain,
            "because": each.because,
        }
        for each in others.values()
    ]


def _placements(
    inventory: Inventory, claim: Claim, roles: Mapping[Key, Classification]
) -> list[dict[str, Any]]:  # JSON
    """The stored tensors that hold a parameter, each with the steps from it, where they are
    known.
    """
    steps = {each.key: describe(each.steps) for each in claim.placements}
    found = []
    for key in claim.stored:
        tensor, given = inventory.parameter_tensors[key], roles[key]
        found.append(
            {
                "stored": tensor.name,
                "dtype": tensor.dtype.name,
                "shape": tensor.shape,
                "bytes": tensor.n_bytes,
                "encoding": tensor.encoding.value,
                "place": str(tensor.place),
                "rule": given.rule.value,
                "because": given.because,
                "steps": steps.get(key),
            }
        )
    return found


def statistics(stats: Stats) -> dict[str, Any]:  # JSON
    """Statistics as JSON has them: no infinity, no NaN."""
    from onnx_params.tensors.stats import QUANTILES

    return {
        "min": finite(stats.minimum),
        "max": finite(stats.maximum),
        "mean": finite(stats.mean),
        "std": finite(stats.std),
        "zeros": stats.zeros,
        "nan": stats.nans,
        "infinite": stats.infinite,
        "subnormal": stats.subnormal,
        "quantiles": {
            str(q): finite(value) for q, value in zip(QUANTILES, stats.quantiles, strict=True)
        },
        "histogram": _histogram(stats),
    }


def _histogram(stats: Stats) -> dict[str, Any] | None:  # JSON
    """Counts of the finite numbers in intervals of equal width from ``low`` to ``high``, which are
    exact to 8 bits.
    """
    if not stats.bins:
        return None
    low = stats.bins[0][0]
    if len(stats.bins) == 1:
        return {"low": low, "high": low, "counts": [stats.bins[0][1]]}
    width = stats.bins[1][0] - low
    counts = [count for _, count in stats.bins]
    return {"low": finite(low), "high": finite(low + width * len(counts)), "counts": counts}


def render(report: Report) -> str:
    """The document as text, two spaces a level."""
    return json_text(document(report))
