"""Export a fitted scikit-learn estimator or pipeline, with the names that its own attributes have,
checked against its predictions.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np

from onnx_params.errors import ExportError
from onnx_params.inventory.record import Inventory
from onnx_params.inventory.values import values_of
from onnx_params.names.claim import Claim
from onnx_params_exporters import source_map
from onnx_params_exporters.workshop import checked, draft_of, saying

RELATIVE: Final = 1e-3
ABSOLUTE: Final = 1e-4
SAME_LABELS: Final = 0.99  # a score on the border may fall to the other side in float32
# what other estimators call what the operator keeps there
_OTHERWISE: Final = {"mean_": ("center_",)}
OPSETS: Final = {"": 21, "ai.onnx.ml": 3}


# scikit-learn's own types
def export(estimator: Any, example: Any, path: str, *, check: bool = True) -> None:
    """Export ``estimator`` to ``path``, whole or not at all; ``example`` is [samples, features],
    cast to float32.

    Raises :class:`ExportError` where skl2onnx cannot convert it, or (with ``check``) where
    onnxruntime's answers differ from the estimator's.
    """
    import sklearn
    from skl2onnx import to_onnx
    from sklearn.base import is_classifier

    rows = np.asarray(example, dtype=np.float32)  # float64 takes other operators
    options: dict[int, dict[str, bool]] = {}
    if is_classifier(estimator) and type(estimator).__name__ != "LinearSVC":
        options[id(estimator)] = {"zipmap": False}
    if (
        hasattr(estimator, "dual_coef_")
        and is_classifier(estimator)
        and not hasattr(estimator, "predict_proba")
        and len(estimator.classes_) == 2
    ):
        options[id(estimator)]["raw_scores"] = True  # else the score's sign is reversed
    with saying(f"{type(estimator).__name__}: skl2onnx cannot convert it"):
        proto = to_onnx(estimator, rows[:1], options=options or None, target_opset=OPSETS)
    finish(
        proto.SerializeToString(),
        path,
        f"scikit-learn {sklearn.__version__}",
        "skl2onnx",
        lambda inventory: renamed(inventory, list(parts(estimator))),
    )
    if check:
        compare(path, rows, estimator)


def finish(
    data: bytes, path: str, framework: str, exporter: str, name: Callable[[Inventory], list[Claim]]
) -> None:
    """Write a model with its source map: ``name`` gives what our reader finds in it its
    own names.
    """
    import onnx_params

    with draft_of(path) as draft:
        with open(draft, "wb") as file:
            file.write(data)
        checked(draft, path)
        source_map.write_claims(
            draft, framework, exporter, name(onnx_params.analyze(draft).inventory)
        )


# scikit-learn's own types
def parts(estimator: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The estimators of a pipeline, with the path of their steps before them."""
    steps = getattr(estimator, "steps", None) or getattr(estimator, "transformers_", None)
    if steps is None:
        yield prefix, estimator
        return
    for name, step, *_ in steps:
        if not isinstance(step, str) and step is not None:
            yield from parts(step, f"{prefix}{name}.")


# scikit-learn's own types
def renamed(inventory: Inventory, owners: list[tuple[str, Any]]) -> list[Claim]:
    """Claims under the steps' names: each goes to the first estimator whose attribute has these
    numbers, as they are or as converters turn them.

    What a tree ensemble learned is in no one attribute; it has the name of its step where there is
    one ensemble. Others stay inferred.
    """
    done: set[tuple[str, str]] = set()
    ensembles = [
        prefix
        for prefix, estimator in owners
        if hasattr(estimator, "tree_") or hasattr(estimator, "estimators_")
    ]
    found = []
    for claim in inventory.parameters:
        leaf = (
            claim.name
            if claim.name.startswith(("tree_.", "coefs_.", "intercepts_."))
            else claim.name.rpartition(".")[2]
        )
        owner = next(
            (
                (prefix, word, np.shape(value))
                for prefix, estimator in owners
                for word in (leaf, *_OTHERWISE.get(leaf, ()))
                if (prefix, word) not in done
                and (value := _attribute(estimator, word)) is not None
                and _agrees(inventory, claim, value)
            ),
            None,
        )
        if owner is not None:
            prefix, word, shape = owner
            done.add((prefix, word))
            found.append(
                replace(
                    claim,
                    name=f"{prefix}{word}",
                    shape=claim.shape if claim.placements else shape,
                    certain=True,
                )
            )
        elif len(ensembles) == 1 and leaf.startswith(("tree_.", "init_")):
            found.append(replace(claim, name=f"{ensembles[0]}{leaf}", certain=True))
        else:
            found.append(claim)
    return found


def _agrees(inventory: Inventory, claim: Claim, value: Any) -> bool:  # an array, or what makes one
    """Whether a claim's numbers are an attribute's: as they are, with signs turned, one over them,
    their logarithm.
    """
    try:
        own = np.asarray(value, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError):
        return False
    stored = (
        values_of(inventory, claim)
        if claim.placements
        else inventory.model.stored[claim.stored[0]].read()
    )
    held = np.asarray(stored, dtype=np.float64).reshape(-1)
    if held.size != own.size:
        return False
    with np.errstate(all="ignore"):
        return any(
            np.allclose(held, made, rtol=1e-5, atol=1e-6)
            for made in (own, -own, 1 / own, np.log(own))
        )


def _attribute(estimator: Any, leaf: str) -> Any:  # scikit-learn's own types
    base, _, number = leaf.partition(".")
    value = getattr(estimator, base, None)
    if not number:
        return value
    return (
        value[int(number)]
        if number.isdigit() and isinstance(value, list) and int(number) < len(value)
        else None
    )


# an estimator with scikit-learn's interface
def compare(path: str, example: np.ndarray, model: Any) -> None:
    """Hold onnxruntime's labels, scores or values against the estimator's."""
    import onnxruntime

    print("checking the artifact in onnxruntime ...", file=sys.stderr)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    outputs = session.run(None, {session.get_inputs()[0].name: example})
    if hasattr(model, "classes_"):
        share = float((np.ravel(outputs[0]) == np.ravel(model.predict(example))).mean())
        if share < SAME_LABELS:
            raise ExportError(
                f"{os.path.basename(path)}: {share:.1%} of the labels are the model's"
            )
        expected = np.asarray(
            model.predict_proba(example)
            if hasattr(model, "predict_proba")
            else model.decision_function(example)
        )
        actual = np.asarray(outputs[1])
        if expected.ndim == 1 and actual.ndim == 2 and actual.shape[1] == 2:
            actual = actual[:, 1]  # both sides of two classes
    else:
        expected = np.asarray(
            (model.predict if hasattr(model, "predict") else model.transform)(example)
        )
        actual = np.asarray(outputs[0])
    if not np.allclose(actual.reshape(expected.shape), expected, rtol=RELATIVE, atol=ABSOLUTE):
        largest = float(np.abs(actual.reshape(expected.shape) - expected).max())
        raise ExportError(
            f"{os.path.basename(path)}: its values differ from the model's by {largest:.3g}"
        )
