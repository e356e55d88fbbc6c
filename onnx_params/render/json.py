"""Write a report as JSON by the contract ``onnx-params/report/1`` (``schemas/report.json``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onnx_params.render.text import finite, json_text
from onnx_params.report.report import SCHEMA, Report

if TYPE_CHECKING:
    from onnx_params.tensors.stats import Stats


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
        "parameters": [
            {
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
                **(
                    {"stats": statistics(report.stats[row.name])}
                    if row.name in report.stats
                    else {}
                ),
            }
            for row in report.rows
        ],
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
    }


def render(report: Report) -> str:
    """The document as text, two spaces a level."""
    return json_text(document(report))
