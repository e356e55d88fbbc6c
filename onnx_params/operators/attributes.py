"""Say what the attributes of a node contain, where its numbers are no inputs.

Words: learned; structure (which node of a tree is whose child, which feature it asks);
label (vocabularies, class names). Source: the ai.onnx.ml schemas (docs/Operators-ml.md);
TfIdfVectorizer's.
"""

from __future__ import annotations

from typing import Final

_TREE: Final = {
    **dict.fromkeys(
        (
            "nodes_values",
            "base_values",
            "class_weights",
            "target_weights",
            "nodes_splits",
            "leaf_weights",
            "membership_values",
        ),
        "learned",
    ),
    **dict.fromkeys(
        (
            "nodes_values_as_tensor",
            "base_values_as_tensor",
            "class_weights_as_tensor",
            "target_weights_as_tensor",
        ),
        "learned",
    ),
    **dict.fromkeys(
        (
            "nodes_treeids",
            "nodes_nodeids",
            "nodes_featureids",
            "nodes_modes",
            "nodes_truenodeids",
            "nodes_falsenodeids",
        ),
        "structure",
    ),
    **dict.fromkeys(
        (
            "nodes_missing_value_tracks_true",
            "nodes_hitrates",
            "nodes_hitrates_as_tensor",
            "class_treeids",
            "class_nodeids",
        ),
        "structure",
    ),
    **dict.fromkeys(
        (
            "class_ids",
            "target_treeids",
            "target_nodeids",
            "target_ids",
            "tree_roots",
            "leaf_targetids",
        ),
        "structure",
    ),
    **dict.fromkeys(("nodes_trueleafs", "nodes_falseleafs"), "structure"),
    **dict.fromkeys(("classlabels_int64s", "classlabels_strings"), "label"),
}


_LINEAR: Final = {
    "coefficients": "learned",
    "intercepts": "learned",
    "classlabels_ints": "label",
    "classlabels_strings": "label",
}


_SVM: Final = {
    **dict.fromkeys(("coefficients", "support_vectors", "rho", "prob_a", "prob_b"), "learned"),
    **dict.fromkeys(("vectors_per_class", "kernel_params"), "structure"),
    **dict.fromkeys(("classlabels_ints", "classlabels_strings"), "label"),
}


_LABELS: Final = (
    "keys_strings keys_int64s keys_floats keys_tensor values_strings values_int64s values_floats"
    " values_tensor default_tensor cats_strings cats_int64s string_vocabulary int64_vocabulary"
    " classlabels_int64s classlabels_strings pool_int64s pool_strings ngram_counts ngram_indexes"
)


ATTRIBUTES: Final[dict[tuple[str, str], dict[str, str]]] = {
    **{
        ("ai.onnx.ml", op): _TREE
        for op in ("TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor")
    },
    **{("ai.onnx.ml", op): _LINEAR for op in ("LinearClassifier", "LinearRegressor")},
    **{("ai.onnx.ml", op): _SVM for op in ("SVMClassifier", "SVMRegressor")},
    ("ai.onnx.ml", "Scaler"): {"offset": "learned", "scale": "learned"},
    ("ai.onnx.ml", "Imputer"): {
        "imputed_value_floats": "learned",
        "imputed_value_int64s": "learned",
    },
    **{
        ("ai.onnx.ml", op): dict.fromkeys(_LABELS.split(), "label")
        for op in ("LabelEncoder", "OneHotEncoder", "DictVectorizer", "CategoryMapper", "ZipMap")
    },
    ("", "TfIdfVectorizer"): {"weights": "learned", **dict.fromkeys(_LABELS.split(), "label")},
}


# nodes that hold a compiled model: what is in it cannot be read. Source: onnxruntime,
# docs/execution-providers/EP-Context-Design.md
OPAQUE: Final = {("com.microsoft", "EPContext"): "ep_cache_context"}


# a string attribute this long, of an operator of a domain that is in no table, is not a setting
OPAQUE_BYTES: Final = 1024
