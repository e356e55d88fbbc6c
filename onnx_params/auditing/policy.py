"""Read what a pipeline allows: severities by rule, budgets, exceptions by name.

``onnx-params.toml``, or the table ``[tool.onnx-params]`` of ``pyproject.toml``, from the working
directory unless a path is given.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, Final

from onnx_params.auditing.rules import RENAMED, RULES, Finding, Severity
from onnx_params.errors import UsageError, system_reason

FILES: Final = ("onnx-params.toml", "pyproject.toml")
NONE: Final = "none"
MAX_FOLDERS: Final = 64  # above the working directory
_UNITS: Final = {
    "": 1,
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
}
_BUDGETS: Final = (
    "max-parameters",
    "max-bytes",
    "dtypes",
    "min-sqnr",
    "max-absent",
    "max-unexplained",
)


@dataclass(frozen=True, kw_only=True)
class Override:
    """Other severities for parameters whose name matches one of the globs."""

    names: tuple[str, ...]
    rules: Mapping[str, Severity]


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What is allowed.

    ``fail_on`` is the least severity that fails; ``path`` says where this was read, empty for the
    defaults. ``max_absent`` is the share of the reference's elements that may be nowhere in the
    artifact, ``max_unexplained`` how many elements a learned tensor may have that nothing in the
    reference explains.
    """

    path: str = ""
    rules: Mapping[str, Severity] = field(default_factory=dict)
    overrides: tuple[Override, ...] = ()
    fail_on: Severity = Severity.ERROR
    max_parameters: int | None = None
    max_bytes: int | None = None
    dtypes: tuple[str, ...] = ()
    min_sqnr: float | None = None
    max_absent: float = 0.9
    max_unexplained: int = 32

    def severity(self, rule: str, name: str = "") -> Severity:
        """The severity of a rule for a parameter: the last override that matches, else the
        policy's, else the rule's own.
        """
        found = self.rules.get(rule, RULES[rule].severity)
        for override in self.overrides:
            if rule in override.rules and any(fnmatchcase(name, glob) for glob in override.names):
                found = override.rules[rule]
        return found

    def find(
        self, rule: str, name: str, message: str, stored: tuple[str, ...] = (), n_bytes: int = 0
    ) -> Finding | None:
        """A finding with the severity that the policy gives it; ``None`` where that is off."""
        severity = self.severity(rule, name)
        return (
            None
            if severity is Severity.OFF
            else Finding(rule, severity, name, message, stored, n_bytes)
        )


def read_policy(path: str = "", model: str = "") -> Policy:
    """Read a policy; where no path is given the one beside ``model``, else the nearest in the
    working directory and above it, the defaults where there is none. ``none`` is no policy.

    Raises :class:`UsageError` where it is broken, or names what there is not.
    """
    if path == NONE:
        return Policy()
    for name in (path,) if path else _near(model):
        if path or os.path.isfile(name):
            table = _table(name)
            if table is not None:
                return _policy(name, table)
    return Policy()


def _near(model: str) -> Iterator[str]:
    """Where a policy may lie: beside the model, in the working directory, in those above it."""
    if model and os.path.isfile(model):
        yield from (os.path.join(os.path.dirname(model), name) for name in FILES)
    yield from FILES
    folder = os.getcwd()
    for _ in range(MAX_FOLDERS):
        above = os.path.dirname(folder)
        if above == folder:
            return
        folder = above
        yield from (os.path.join(folder, name) for name in FILES)


def _table(path: str) -> dict[str, Any] | None:  # TOML
    try:
        with open(path, "rb") as file:
            found = tomllib.load(file)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {system_reason(error)}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{path}: is not valid TOML: {error}") from error
    if os.path.basename(path) == "pyproject.toml":
        section = (
            found.get("tool", {}).get("onnx-params")
            if isinstance(found.get("tool", {}), dict)
            else None
        )
        return section if isinstance(section, dict) else None
    return found


def _policy(path: str, table: dict[str, Any]) -> Policy:  # TOML
    unknown = set(table) - {"rules", "budgets", "overrides", "fail-on"}
    if unknown:
        raise UsageError(
            f"{path}: '{min(unknown)}' is not a key; there are rules, budgets, overrides, fail-on"
        )
    budgets = _dict(path, table.get("budgets", {}), "budgets")
    for key in budgets:
        if key not in _BUDGETS:
            raise UsageError(f"{path}: '{key}' is not a budget; there are {', '.join(_BUDGETS)}")
    dtypes = budgets.get("dtypes", [])
    if not isinstance(dtypes, list) or not all(isinstance(name, str) for name in dtypes):
        raise UsageError(f"{path}: dtypes must be a list of names")
    overrides = table.get("overrides", [])
    if not isinstance(overrides, list):
        raise UsageError(f"{path}: overrides must be tables: [[overrides]]")
    absent = _number(path, budgets, "max-absent")
    unexplained = _size(path, budgets, "max-unexplained")
    return Policy(
        path=path,
        rules=_rules(path, table.get("rules", {})),
        overrides=tuple(_override(path, each) for each in overrides),
        fail_on=severity_of(table.get("fail-on", "error"), path),
        max_parameters=_size(path, budgets, "max-parameters"),
        max_bytes=_size(path, budgets, "max-bytes"),
        dtypes=tuple(dtypes),
        min_sqnr=_number(path, budgets, "min-sqnr"),
        max_absent=Policy.max_absent if absent is None else absent,
        max_unexplained=Policy.max_unexplained if unexplained is None else unexplained,
    )


def severity_of(word: object, where: str) -> Severity:
    """The severity of a word; raises :class:`UsageError` where it is none."""
    for severity in Severity:
        if word == severity.value:
            return severity
    raise UsageError(
        f"{where}: '{word}' is not a severity; there are"
        f" {', '.join(each.value for each in Severity)}"
    )


def _rules(path: str, table: object) -> dict[str, Severity]:
    found = {}
    for name, word in _dict(path, table, "rules").items():
        rule = RENAMED.get(name, name)
        if rule not in RULES:
            near = get_close_matches(name, RULES, n=1)
            meant = f"; did you mean '{near[0]}'?" if near else "; the reference lists them"
            raise UsageError(f"{path}: there is no rule '{name}'{meant}")
        found[rule] = severity_of(word, path)
    return found


def _override(path: str, table: object) -> Override:
    row = _dict(path, table, "overrides")
    names = row.get("names")
    names = [names] if isinstance(names, str) else names
    if (
        not isinstance(names, list)
        or not all(isinstance(name, str) for name in names)
        or set(row) - {"names", "rules"}
    ):
        raise UsageError(f"{path}: an override has 'names' (globs) and 'rules', nothing else")
    return Override(names=tuple(names), rules=_rules(path, row.get("rules", {})))


def _dict(path: str, value: object, what: str) -> dict[str, Any]:  # TOML
    if not isinstance(value, dict):
        raise UsageError(f"{path}: {what} must be a table")
    return value


def _number(path: str, budgets: dict[str, Any], key: str) -> float | None:  # TOML
    value = budgets.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UsageError(f"{path}: {key} must be a number")
    return float(value)


def _size(path: str, budgets: dict[str, Any], key: str) -> int | None:  # TOML
    value = budgets.get(key)
    if isinstance(value, str):
        digits = value.strip().rstrip("kKMGTiBb")
        unit = value.strip()[len(digits) :].strip().upper()
        try:
            return int(float(digits.replace("_", "")) * _UNITS[unit])
        except (ValueError, KeyError, OverflowError):
            raise UsageError(
                f"{path}: {key} = '{value}' is not a size; write 500MB or 2GiB"
            ) from None
    number = _number(path, budgets, key)
    return None if number is None else int(number)
