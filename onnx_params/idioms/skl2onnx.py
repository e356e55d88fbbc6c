"""Name what classical models learned in their estimator's own terms:

``coef_``, ``support_vectors_``, ``mean_``, thresholds and leaf values.

Operators of ``ai.onnx.ml`` keep it in flat attributes; what they hold beside says the shape.
Sources: the ai.onnx.ml schemas; skl2onnx, ``operator_converters`` (linear_classifier,
linear_regressor, support_vector_machines, scaler_op, decision_tree, random_forest,
gradient_boosting, multilayer_perceptron, naive_bayes, k_means, decomposition) and
``common/tree_ensemble.py``; onnxmltools, ``convert/lightgbm`` and ``convert/xgboost``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from onnx_params.containers.onnx.graph import AttributeValue, Model, Node
from onnx_params.dataflow.view import View
from onnx_params.idioms.naming import Evidence, Hint, Naming
from onnx_params.tensors.steps import SWAP, Key, Reshape, Shape, Slice, Steps, without_ones
from onnx_params.tensors.stored import StoredTensor

SKLEARN: Final = "skl2onnx"
_LEAF: Final = b"\x4a\x04LEAF"  # an entry of nodes_modes: field 9 of AttributeProto, four bytes
_ML: Final = "ai.onnx.ml"
Attributes = dict[str, AttributeValue]


class _Word(NamedTuple):
    """What a stored tensor is in the estimator's terms; ``steps`` are ``None`` where the numbers
    are not the estimator's as they lie.
    """

    name: str
    shape: Shape
    steps: Steps | None
    because: str


def namings(model: Model, tensors: Iterable[StoredTensor]) -> dict[Key, list[Naming]]:
    """Names of the tensors of a table's rows, by key; other tensors are left out.

    Reads attributes of the nodes that hold them.
    """
    listed = [
        tensor for tensor in tensors if tensor.place.domain == _ML or model.producer_name == SKLEARN
    ]
    nodes = {(t.place.graph, t.place.node) for t in listed if t.place.domain == _ML}
    known: dict[tuple[str, int], Attributes] = {}
    found: dict[Key, list[Naming]] = {}
    for tensor in listed:
        place = tensor.place
        if place.domain != _ML or place.node is None:
            shown = _initializer(model, tensor)
            prefix = ""
        else:
            node = model.graphs[place.graph].nodes[place.node]
            shown = _attribute(model, node, tensor, known)
            prefix = f"{node.name or node.op_type}." if len(nodes) > 1 else ""
        if shown is not None:
            found[tensor.key] = [_naming(shown._replace(name=prefix + shown.name))]
    return found


def _naming(shown: _Word) -> Naming:
    steps = shown.steps
    if steps is None:
        view = View.PART if shown.name.endswith("threshold") else View.FOLDED
    else:
        view = (
            View.WHOLE if not steps else View.PART if isinstance(steps[0], Slice) else View.RESHAPED
        )
    return Naming(shown.name, shown.shape, steps, Evidence.STORED_NAME, shown.because, view)


def _as(name: str, tensor: StoredTensor, shape: Shape, because: str, *before: Slice) -> _Word:
    return _Word(
        name,
        shape,
        (*before, *(() if shape == tensor.shape and not before else (Reshape(shape),))),
        because,
    )


def _attribute(
    model: Model, node: Node, tensor: StoredTensor, known: dict[tuple[str, int], Attributes]
) -> _Word | None:
    if node.op_type.startswith("TreeEnsemble"):
        return _tree(model, node, tensor)
    row = _ROWS.get((node.op_type, tensor.place.attribute))
    if row is None:
        return None
    key = tensor.place.graph, node.position
    if key not in known:
        known[key] = node.read_attributes()
    return row(model, tensor, known[key])


def _numbers(attributes: Attributes, name: str) -> list[float]:
    value = attributes.get(name)
    return (
        [float(number) for number in value if not isinstance(number, str)]
        if isinstance(value, list)
        else []
    )


def _labels(attributes: Attributes) -> int:
    found = attributes.get("classlabels_ints") or attributes.get("classlabels_strings")
    return len(found) if isinstance(found, list) else 0


def _is_doubled(attributes: Attributes) -> bool:
    """Whether two classes have one decision: the first half is the second with its signs turned."""
    intercepts, coefficients = (
        _numbers(attributes, "intercepts"),
        _numbers(attributes, "coefficients"),
    )
    half = len(coefficients) // 2
    turned = (
        half
        and all(a == -b for a, b in zip(coefficients[:half], coefficients[half:], strict=False))
        and len(coefficients) == 2 * half
    )
    return bool(turned) and len(intercepts) == 2 and intercepts[0] == -intercepts[1]


def _classifier_coef(model: Model, tensor: StoredTensor, attributes: Attributes) -> _Word | None:
    rows = len(_numbers(attributes, "intercepts"))
    if not rows or tensor.count % rows:
        return None
    if rows == 2 and _is_doubled(attributes):
        half = tensor.count // 2
        return _as(
            "coef_",
            tensor,
            (1, half),
            "two classes: the first half is the second with its signs turned",
            Slice(0, ((half, 2 * half),)),
        )
    return _as("coef_", tensor, (rows, tensor.count // rows), f"{rows} decisions by its intercepts")


def _classifier_intercept(model: Model, tensor: StoredTensor, attributes: Attributes) -> _Word:
    if tensor.count == 2 and _is_doubled(attributes):
        return _as(
            "intercept_",
            tensor,
            (1,),
            "two classes: the first is the second with its sign turned",
            Slice(0, ((1, 2),)),
        )
    return _as("intercept_", tensor, tensor.shape, "one for each decision")


def _regressor_coef(model: Model, tensor: StoredTensor, attributes: Attributes) -> _Word:
    targets = attributes.get("targets")
    rows = targets if isinstance(targets, int) and targets > 0 else 0
    shape = (rows, tensor.count // rows) if rows and tensor.count % rows == 0 else tensor.shape
    return _as("coef_", tensor, shape, "targets says how many rows" if rows else "one target")


def _regressor_intercept(model: Model, tensor: StoredTensor, attributes: Attributes) -> _Word:
    targets = attributes.get("targets")
    return _as(
        "intercept_",
        tensor,
        tensor.shape if isinstance(targets, int) or tensor.count > 1 else (),
        "one for each target",
    )


def _vectors(attributes: Attributes) -> int:
    per_class = _numbers(attributes, "vectors_per_class")
    supports = attributes.get("n_supports")
    return int(sum(per_class)) if per_class else supports if isinstance(supports, int) else 0


def _support_vectors(model: Model, tensor: StoredTensor, attributes: Attributes) -> _Word | None:
    n = _vectors(attributes)
    return (
        _as("support_vectors_", tensor, (n, tensor.count // n), f"{n} support vectors")
        if n and tensor.count % n == 0
        else None
    )


def _dual(model: Model, tensor: StoredTensor, attributes: Attributes) -> _Word | None:
    n = _vectors(attributes)
    if not n or tensor.count % n:
        return None
    return _signed(model, "dual_coef_", tensor, (tensor.count // n, n), attributes)


def _rho(model: Model, tensor: StoredTensor, attributes: Attributes) -> _Word:
    return _signed(model, "intercept_", tensor, tensor.shape, attributes)


def _signed(
    model: Model, name: str, tensor: StoredTensor, shape: Shape, attributes: Attributes
) -> _Word:
    if _labels(attributes) == 2 and model.producer_name == SKLEARN:
        return _Word(name, shape, None, "of two classes the estimator has the signs turned")
    return _as(name, tensor, shape, "as the estimator has it")


def _plain(name: str) -> Callable[[Model, StoredTensor, Attributes], _Word]:
    return lambda model, tensor, attributes: _as(
        name, tensor, tensor.shape, "as the estimator has it"
    )


def _offset(model: Model, tensor: StoredTensor, attributes: Attributes) -> _Word:
    return _as(
        "mean_" if model.producer_name == SKLEARN else "offset",
        tensor,
        tensor.shape,
        "as the estimator has it",
    )


def _scale(model: Model, tensor: StoredTensor, attributes: Attributes) -> _Word:
    if model.producer_name != SKLEARN:
        return _as("scale", tensor, tensor.shape, "what it multiplies by")
    return _Word("scale_", tensor.shape, None, "one over the estimator's")


_ROWS: Final[dict[tuple[str, str], Callable[[Model, StoredTensor, Attributes], _Word | None]]] = {
    ("LinearClassifier", "coefficients"): _classifier_coef,
    ("LinearClassifier", "intercepts"): _classifier_intercept,
    ("LinearRegressor", "coefficients"): _regressor_coef,
    ("LinearRegressor", "intercepts"): _regressor_intercept,
    **{(f"SVM{kind}", "support_vectors"): _support_vectors for kind in ("Classifier", "Regressor")},
    **{(f"SVM{kind}", "coefficients"): _dual for kind in ("Classifier", "Regressor")},
    **{(f"SVM{kind}", "rho"): _rho for kind in ("Classifier", "Regressor")},
    ("SVMClassifier", "prob_a"): _plain("probA_"),
    ("SVMClassifier", "prob_b"): _plain("probB_"),
    ("Scaler", "offset"): _offset,
    ("Scaler", "scale"): _scale,
    ("Imputer", "imputed_value_floats"): _plain("statistics_"),
}


def _tree(model: Model, node: Node, tensor: StoredTensor) -> _Word | None:
    """Thresholds of inner nodes (leaves have a filler), leaf values in as many columns as each leaf
    has.
    """
    attribute = tensor.place.attribute
    sklearn = model.producer_name == SKLEARN
    leaves = sum(
        node.source.read(span.start, span.n_bytes).count(_LEAF) for span in node.attribute_spans
    )
    if attribute == "nodes_values" and leaves:
        because = f"{leaves} of {tensor.count} nodes are leaves, which have no threshold"
        return _Word(
            "tree_.threshold" if sklearn else "threshold", (tensor.count - leaves,), None, because
        )
    if attribute in ("class_weights", "target_weights") and leaves:
        width = tensor.count // leaves if tensor.count % leaves == 0 else 1
        shape = (leaves, width) if width > 1 else (tensor.count,)
        return _as("tree_.value" if sklearn else "leaf_value", tensor, shape, f"{leaves} leaves")
    return (
        _as("init_" if sklearn else "base_score", tensor, tensor.shape, "added to every result")
        if attribute == "base_values"
        else None
    )


# -- initializers of skl2onnx, whose names are fixed words and a number -----------------------

_WORDS: Final = {
    "coefficient": "coefs_",
    "intercepts": "intercepts_",
    "Mu_Mulcst": "scale_",
    "transform_matrix": "components_",
    "mean": "mean_",
    "explained_variance": "explained_variance_",
    "theta": "theta_",
    "sigma": "var_",
    "jointi": "class_prior_",
    "coef": "coef_",
    "intercept": "intercept_",
    "Ge_Gemmcst": "cluster_centers_",
    "Ad_Addcst": "min_",
}
_NUMBERED: Final = frozenset({"coefs_", "intercepts_"})
_NAME: Final = re.compile(r"^(.*?)(\d*)$")


def hint(model: Model, tensor: StoredTensor) -> Hint | None:
    """Whether skl2onnx's word for an initializer is one for something learned, or for what it
    computes of that.
    """
    if model.producer_name != SKLEARN or not tensor.dtype.is_float:
        return None
    if is_derived(model, tensor.name):
        return Hint(False, "derived", "skl2onnx computes it from what was learned")
    word = word_of(model, tensor.name)
    return Hint(True, "estimator", f"skl2onnx's word for {word}") if word else None


def word_of(model: Model, name: str) -> str:
    """What an initializer of skl2onnx's is, in the estimator's words; empty where no row
    knows it.
    """
    match = _NAME.match(name) if model.producer_name == SKLEARN else None
    word = _WORDS.get(match[1], "") if match is not None else ""
    if word in ("min_", "scale_") and any(
        tensor.name.startswith("Ge_Gemmcst") for tensor in model.main.tensors
    ):
        return ""  # the squared norms of cluster centres, and a factor of -2
    return word


def is_derived(model: Model, name: str) -> bool:
    """Whether skl2onnx computed it from what was learned: squared norms of cluster centres, sums of
    logarithms.
    """
    match = _NAME.match(name) if model.producer_name == SKLEARN else None
    return match is not None and (
        match[1] == "sigma_sum_log"
        or (match[1] in ("Ad_Addcst", "Mu_Mulcst") and not word_of(model, name))
    )


def _initializer(model: Model, tensor: StoredTensor) -> _Word | None:
    word = word_of(model, tensor.name)
    if not word:
        return None
    because = f"skl2onnx calls it '{tensor.name}'"
    if word in _NUMBERED:
        word = f"{word}.{_NAME.match(tensor.name)[2] or 0}"  # type: ignore[index]  # word_of matched it
    if word == "class_prior_":
        return _Word(word, without_ones(tensor.shape), None, f"{because}: the logarithm")
    if word == "components_" and len(tensor.shape) == 2:
        return _Word(word, tensor.shape[::-1], (SWAP,), because)
    if word.startswith("intercepts_"):
        return _as(word, tensor, (tensor.count,), because)
    squeezed = without_ones(tensor.shape) if word in ("theta_", "var_") else tensor.shape
    return _as(word, tensor, squeezed, because)
