"""Write findings as SARIF 2.1.0, which code hosts show as annotations.

Source:
https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from onnx_params.auditing.audit import Audit
from onnx_params.auditing.rules import RULES, Finding, Severity
from onnx_params.render.text import json_text, plain
from onnx_params.version import __version__

PAGE: Final = "https://onnx-params.github.io/onnx-params/reference/rules/"
_LEVELS: Final = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.NOTE: "note",
    Severity.OFF: "none",
}


def render(audit: Audit) -> str:
    """One audit as SARIF."""
    return of_several([audit])


def of_several(audits: Sequence[Audit]) -> str:
    """One run with a result for each finding of each audit; parameters are logical locations in
    their model.
    """
    used = sorted({each.rule for audit in audits for each in audit.findings})
    document = {
        "$schema": (
            "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
        ),
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "onnx-params",
                        "version": __version__,
                        "rules": [_rule(rule) for rule in used],
                    }
                },
                "results": [
                    _result(audit, each, used) for audit in audits for each in audit.findings
                ],
            }
        ],
    }
    return json_text(document, 2)


def _rule(name: str) -> dict[str, Any]:  # JSON
    rule = RULES[name]
    return {
        "id": name,
        "shortDescription": {"text": rule.finds},
        "fullDescription": {"text": f"{rule.why}. Next: {rule.next}."},
        "help": {"text": rule.next},
        "helpUri": f"{PAGE}#{name}",
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _result(audit: Audit, finding: Finding, used: list[str]) -> dict[str, Any]:  # JSON
    location: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(audit.path.replace("\\", "/"), safe="/:?=&%~")},
            "region": {"byteOffset": 0},  # of a file without lines: all of it
        }
    }
    if finding.name:
        location["logicalLocations"] = [
            {"fullyQualifiedName": plain(finding.name), "kind": "variable"}
        ]
    where = f"{plain(finding.name)}: " if finding.name else ""
    return {
        "ruleId": finding.rule,
        "ruleIndex": used.index(finding.rule),
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{where}{plain(finding.message)}"},
        "locations": [location],
        "partialFingerprints": {
            "onnxParams/v2": f"{audit.name}:{finding.rule}:{plain(finding.name)}"
        },
    }
