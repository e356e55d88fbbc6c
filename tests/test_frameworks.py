"""Every framework's exporter: its own names, shapes and counts come back; the same network from
four of them is the same network.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from support.process import run

import onnx_params
from onnx_params.comparison.compare import EXPLAINED, compare
from onnx_params.comparison.pairs import Relation
from onnx_params.errors import ExportError

ROOT = Path(__file__).parent.parent
RNG = np.random.default_rng(0)
X = RNG.standard_normal((120, 5)).astype(np.float32)
TWO = (X @ RNG.standard_normal(5) > 0).astype(int)
THREE = np.digitize(X @ RNG.standard_normal(5), [-0.8, 0.8])
REAL = (X @ RNG.standard_normal(5) + X[:, 0] ** 2).astype(np.float32)


def estimators() -> dict[str, tuple[object, object, dict[str, str]]]:
    """Name -> (estimator, target, our name -> the attribute whose size it must have)."""
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neural_network import MLPClassifier
    from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler
    from sklearn.svm import SVC, SVR

    linear = {"coef_": "coef_", "intercept_": "intercept_"}
    vectors = {
        "support_vectors_": "support_vectors_",
        "dual_coef_": "dual_coef_",
        "intercept_": "intercept_",
    }
    return {
        "logistic of two": (LogisticRegression(), TWO, linear),
        "logistic of three": (LogisticRegression(), THREE, linear),
        "linear": (LinearRegression(), REAL, linear),
        "linear of two targets": (LinearRegression(), np.stack([REAL, -REAL], 1), linear),
        "ridge": (Ridge(), REAL, linear),
        "svc of two": (SVC(), TWO, vectors),
        "svc of three": (SVC(), THREE, vectors),
        "svr": (SVR(), REAL, vectors),
        "standard scaler": (StandardScaler(), None, {"mean_": "mean_", "scale_": "scale_"}),
        "scaler without mean": (StandardScaler(with_mean=False), None, {"scale_": "scale_"}),
        "robust scaler": (RobustScaler(), None, {"center_": "center_", "scale_": "scale_"}),
        "min-max scaler": (MinMaxScaler(), None, {"scale_": "scale_", "min_": "min_"}),
        "k-means": (
            KMeans(3, n_init=2, random_state=0),
            None,
            {"cluster_centers_": "cluster_centers_"},
        ),
        "pca": (PCA(3), None, {"components_": "components_", "mean_": "mean_"}),
        "naive bayes": (
            GaussianNB(),
            THREE,
            {"theta_": "theta_", "var_": "var_", "class_prior_": "class_prior_"},
        ),
        "perceptron": (MLPClassifier((7,), max_iter=20, random_state=0), THREE, {}),
    }


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", list(estimators()))
def test_sklearn(name: str, tmp_path: Path) -> None:
    """Names, shapes and counts are the estimator's own, with the source map and, but for what a
    file cannot tell, without.
    """
    from onnx_params_exporters import from_sklearn

    estimator, target, own = estimators()[name]
    estimator.fit(X) if target is None else estimator.fit(X, target)  # type: ignore[attr-defined]
    from_sklearn.export(estimator, X, str(tmp_path / "m.onnx"))
    rows = {row.name: row.shape for row in onnx_params.analyze(tmp_path / "m.onnx").rows}
    if own:
        assert {
            leaf: np.shape(getattr(estimator, attribute)) for leaf, attribute in own.items()
        } == rows
    else:
        true = {
            f"{kind}.{at}": values.shape
            for kind in ("coefs_", "intercepts_")
            for at, values in enumerate(getattr(estimator, kind))
        }
        assert true == rows
    model = onnx.load(tmp_path / "m.onnx")
    del model.metadata_props[:]
    bare = onnx_params.analyze(model)
    assert not any(row.certain for row in bare.rows)
    assert sorted(map(int, map(np.prod, rows.values()))) == sorted(row.count for row in bare.rows)
    told = {"center_": "mean_"}  # the operator does not say which scaler it was
    assert {told.get(leaf, leaf) for leaf in rows} == {row.name for row in bare.rows}


@pytest.mark.filterwarnings("ignore")
def test_pipeline(tmp_path: Path) -> None:
    """Names of steps stand before those of attributes."""
    from onnx_params_exporters import from_sklearn
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    pipeline = Pipeline([("scale", StandardScaler()), ("clf", LogisticRegression())]).fit(X, THREE)
    from_sklearn.export(pipeline, X, str(tmp_path / "m.onnx"))
    rows = {row.name: row.shape for row in onnx_params.analyze(tmp_path / "m.onnx").rows}
    assert {
        "scale.mean_": (5,),
        "scale.scale_": (5,),
        "clf.coef_": (3, 5),
        "clf.intercept_": (3,),
    } == rows


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "kind", ["tree", "forest", "gradient boosting", "lightgbm", "lightgbm of three"]
)
def test_trees(kind: str, tmp_path: Path) -> None:
    """A threshold for each inner node, values for each leaf: together the nodes that the estimator
    counts.
    """
    import lightgbm
    from onnx_params_exporters import from_boosting, from_sklearn
    from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor
    from sklearn.tree import DecisionTreeRegressor

    path = str(tmp_path / "m.onnx")
    if kind.startswith("lightgbm"):
        target = THREE if kind.endswith("three") else TWO
        model = lightgbm.LGBMClassifier(n_estimators=4, num_leaves=5, verbose=-1, n_jobs=1).fit(
            X, target
        )
        from_boosting.export(model, X, path)
        trees = model.booster_.dump_model()["tree_info"]
        leaves = sum(tree["num_leaves"] for tree in trees)
        inner, names = leaves - len(trees), ("threshold", "leaf_value")
    else:
        model = {
            "tree": DecisionTreeRegressor(max_depth=3),
            "forest": RandomForestRegressor(4, max_depth=3, random_state=0),
            "gradient boosting": GradientBoostingRegressor(n_estimators=4, max_depth=2),
        }[kind].fit(X, REAL)
        from_sklearn.export(model, X, path)
        single = [model] if kind == "tree" else list(np.ravel(model.estimators_))
        leaves = sum(each.tree_.n_leaves for each in single)
        inner, names = (
            sum(each.tree_.node_count for each in single) - leaves,
            (
                "tree_.threshold",
                "tree_.value",
            ),
        )
    rows = {row.name: row.count for row in onnx_params.analyze(path).rows}
    assert (inner, leaves) == tuple(rows[name] for name in names)


@pytest.mark.filterwarnings("ignore")
def test_a_wrong_artifact_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where onnxruntime's answers are not the estimator's, nothing is left behind unsaid."""
    from onnx_params_exporters import from_sklearn
    from sklearn.linear_model import LinearRegression

    model = LinearRegression().fit(X, REAL)
    monkeypatch.setattr(LinearRegression, "predict", lambda self, rows: np.zeros(len(rows)))
    with pytest.raises(ExportError, match="differ"):
        from_sklearn.export(model, X, str(tmp_path / "m.onnx"))


@pytest.mark.filterwarnings("ignore")
def test_command(tmp_path: Path) -> None:
    import joblib
    from sklearn.linear_model import LogisticRegression

    joblib.dump(LogisticRegression().fit(X, THREE), tmp_path / "m.joblib")
    np.save(tmp_path / "x.npy", X)
    done = run(
        "export",
        "sklearn",
        str(tmp_path / "m.joblib"),
        "--inputs",
        str(tmp_path / "x.npy"),
        "-o",
        str(tmp_path / "m.onnx"),
    )
    assert 0 == done.returncode, done.stderr
    assert 18 == onnx_params.analyze(tmp_path / "m.onnx").parameters
    done = run(
        "export",
        "sklearn",
        str(tmp_path / "nothing"),
        "--inputs",
        str(tmp_path / "x.npy"),
        "-o",
        str(tmp_path / "m.onnx"),
    )
    assert 2 == done.returncode and 1 == done.stderr.count("\n")


# -- the same network in four frameworks ------------------------------------------------------


def test_what_does_not_run_is_refused(tmp_path: Path) -> None:
    """An artifact that wants an input which the model has not: one line, no traceback of
    onnxruntime's.
    """
    from onnx_params_exporters import by_content

    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Add", ["x", "captured"], ["y"])],
        "g",
        [value("x", 1, [2]), value("captured", 1, [2])],
        [value("y", 1, [2])],
    )
    onnx.save(
        onnx.helper.make_model(
            graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9
        ),
        tmp_path / "m.onnx",
    )
    with pytest.raises(ExportError, match="onnxruntime cannot run it.*captured"):
        by_content.compare(
            str(tmp_path / "m.onnx"), {"x": np.ones(2, np.float32)}, [np.ones(2, np.float32)]
        )


@pytest.mark.skipif(
    importlib.util.find_spec("optimum") is not None,
    reason="it is about what a user sees who has it not",
)
def test_a_framework_that_is_not_there(tmp_path: Path) -> None:
    """One line that says what to install, status 2, and nothing left behind."""
    done = run("export", "optimum", "t5", "--random-init", "-o", str(tmp_path / "out"))
    assert (
        2,
        "onnx-params: this exporter needs optimum: pip install optimum (the extra 'optimum' has it)\n",
    ) == (
        done.returncode,
        done.stderr,
    )
    assert [] == list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One small network with the same numbers: torch twice, Keras, Flax."""
    pytest.importorskip("tensorflow", reason="make test-all installs Keras and JAX")
    import torch
    from onnx_params_exporters import from_jax, from_keras, from_torch
    from support import crossnet

    folder = tmp_path_factory.mktemp("four")
    image, ids = crossnet.inputs()
    model, _ = crossnet.build_torch()
    given = [torch.from_numpy(image.transpose(0, 3, 1, 2).copy()), torch.from_numpy(ids)]
    for exporter in ("dynamo", "torchscript"):
        from_torch.export(model, given, str(folder / f"{exporter}.onnx"), exporter=exporter)
    from_keras.export(crossnet.build_keras()[0], [image, ids], str(folder / "keras.onnx"))
    from_jax.export(crossnet.build_flax()[0], [image, ids], str(folder / "flax.onnx"))
    return {path.stem: path for path in folder.glob("*.onnx")}


PAIRS = [
    (one, two)
    for at, one in enumerate(("dynamo", "torchscript", "keras", "flax"))
    for two in ("torchscript", "keras", "flax")[at:]
]


@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS)
def test_four_frameworks(four: dict[str, Path], pair: tuple[str, str]) -> None:
    """Every parameter pairs, both names are said, every difference is explained: a view, a fold,
    rounding.
    """
    made = compare(four[pair[0]], four[pair[1]])
    assert {each.relation for each in made.pairs} <= EXPLAINED
    assert {row.name for row in made.a.rows} == {
        each.a.name for each in made.pairs if each.a is not None
    }
    assert {row.name for row in made.b.rows} == {
        each.b.name for each in made.pairs if each.b is not None
    }
    assert made.differences <= {"names", "layout", "folding", "rounding"}


@pytest.mark.slow
def test_one_per_cent(four: dict[str, Path], tmp_path: Path) -> None:
    """One weight of the Keras artifact by one per cent: that one."""
    model = onnx.load(four["keras"])
    tensor = next(
        t for t in model.graph.initializer if "tail" in t.name and "BiasAdd" not in t.name
    )
    tensor.CopyFrom(
        numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(1.01), tensor.name)
    )
    onnx.save(model, tmp_path / "keras.onnx")
    made = compare(four["dynamo"], tmp_path / "keras.onnx")
    (different,) = (each for each in made.pairs if each.relation not in EXPLAINED)
    assert ("tail.weight", "tail/kernel", Relation.DIFFERENT) == (
        different.a.name,
        different.b.name,
        different.relation,
    )
    assert 0.01 == pytest.approx(different.relative, rel=0.05)


@pytest.mark.slow
def test_keras_names(four: dict[str, Path]) -> None:
    """Paths, shapes and order of ``.weights`` come back whole."""
    from support import crossnet

    _, own = crossnet.build_keras()
    true = [(name, shape) for name, shape, _ in own if "moving_" not in name and "seed" not in name]
    assert true == [(row.name, row.shape) for row in onnx_params.analyze(four["keras"]).rows]


@pytest.mark.slow
def test_keras_names_without_a_source_map(four: dict[str, Path]) -> None:
    """What tf2onnx's names tell: nine of ten rows at least by name and shape, and every value that
    is claimed is the variable's.
    """
    from support import crossnet

    from onnx_params.inventory.values import values_of

    model = onnx.load(four["keras"])
    del model.metadata_props[:]
    report = onnx_params.analyze(model)
    own = {
        name: values
        for name, _, values in crossnet.build_keras()[1]
        if "moving_" not in name and "seed" not in name
    }
    found = {row.name: row.shape for row in report.rows}
    back = [name for name, values in own.items() if found.get(name) == values.shape]
    assert len(back) >= 0.9 * len(own), sorted(set(own) - set(back))
    assert not any(row.certain for row in report.rows)
    for claim in report.inventory.parameters:
        if claim.placements and claim.name in own:
            assert np.array_equal(own[claim.name], values_of(report.inventory, claim)), claim.name


@pytest.mark.slow
@pytest.mark.parametrize("name", ["MobileNetV2", "InceptionV3"])
def test_keras_applications(name: str, tmp_path: Path) -> None:
    """Norms folded into convolutions, with and without a factor of their own: every row by name and
    shape without a source map, and the exact count.
    """
    from keras_names import bare, build

    model, example = build(name)
    report, own = bare(model, example, tmp_path / "m.onnx")
    assert {key: values.shape for key, values in own.items()} == {
        row.name: row.shape for row in report.rows
    }
    assert sum(values.size for values in own.values()) == report.parameters


@pytest.mark.slow
def test_flax_names(four: dict[str, Path]) -> None:
    from support import crossnet

    _, own = crossnet.build_flax()
    true = {name: shape for name, shape, _ in own if name.rpartition(".")[2] not in ("mean", "var")}
    assert true == {row.name: row.shape for row in onnx_params.analyze(four["flax"]).rows}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_xgboost(tmp_path: Path) -> None:
    xgboost = pytest.importorskip("xgboost", reason="make test-all installs XGBoost")
    from onnx_params_exporters import from_boosting

    model = xgboost.XGBClassifier(n_estimators=4, max_depth=2, n_jobs=1).fit(X, THREE)
    from_boosting.export(model, X, str(tmp_path / "m.onnx"))
    dump = "".join(model.get_booster().get_dump())
    rows = {row.name: row.count for row in onnx_params.analyze(tmp_path / "m.onnx").rows}
    assert (dump.count("<"), dump.count("leaf=")) == (rows["threshold"], rows["leaf_value"])


PADDLE = """
import sys
import numpy as np, paddle
sys.path[:0] = [{here!r}]
from paddle_net import Net
from onnx_params_exporters import from_paddle
paddle.seed(0)
model = Net()
draw = np.random.default_rng(0)
for parameter in model.parameters():
    parameter.set_value((parameter.numpy() + 0.1 * draw.standard_normal(parameter.shape)).astype("float32"))
from_paddle.export(model, draw.standard_normal((1, 3, 8, 8)).astype("float32"), {path!r})
"""
NET = """
import paddle
class Net(paddle.nn.Layer):
    def __init__(self):
        super().__init__()
        self.c = paddle.nn.Conv2D(3, 8, 3, padding=1)
        self.n = paddle.nn.BatchNorm2D(8)
        self.l = paddle.nn.Linear(8, 5)
        self.ln = paddle.nn.LayerNorm(5)
    def forward(self, x):
        x = paddle.nn.functional.relu(self.n(self.c(x)))
        return self.ln(self.l(x.mean([2, 3])))
"""


def run_apart(name: str, wanted: list[str], script: str) -> str:
    """What a script prints in an environment of its own, for a converter whose dependencies are not
    ours; kept beside the repository.
    """
    venv = ROOT / ".cache" / name
    python = venv / "bin" / "python"
    if not (venv / ".installed").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=True)
        # torch first and by number: a plain one brings gigabytes of CUDA
        for each in (wanted[:1], wanted):
            done = subprocess.run(
                [str(python), "-m", "pip", "install", "-q", *each],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                pytest.skip(
                    f"no registry gives {name}:"
                    f" {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'no reason'}"
                )
        (venv / ".installed").touch()
    env = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'exporters'}",
        "HF_HUB_OFFLINE": "1",
    }
    done = subprocess.run(
        [str(python), "-c", script], env=env, capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_paddle(tmp_path: Path) -> None:
    """In an environment of its own, for paddle2onnx wants an older onnx: the keys of state_dict,
    their shapes, every place proved.
    """
    (tmp_path / "paddle_net.py").write_text(NET)
    script = PADDLE.format(here=str(tmp_path), path=str(tmp_path / "m.onnx"))
    run_apart(
        "paddle",
        ["paddlepaddle==3.3.0", "paddle2onnx==2.1.0", "onnxruntime", "typer", "rich", "ml_dtypes"],
        script,
    )
    rows = {
        row.name: (row.shape, row.certain) for row in onnx_params.analyze(tmp_path / "m.onnx").rows
    }
    shapes = {"c.weight": (8, 3, 3, 3), "c.bias": (8,), "n.weight": (8,), "n.bias": (8,)}
    shapes |= {"l.weight": (8, 5), "l.bias": (5,), "ln.weight": (5,), "ln.bias": (5,)}
    assert {name: (shape, True) for name, shape in shapes.items()} == rows


OPTIMUM = """
import json, sys
import torch, transformers
import onnx_params
from onnx_params_exporters import from_optimum

small = {{"vocab_size": 101, "decoder_start_token_id": 0, "d_model": 24, "d_kv": 6, "d_ff": 40, "num_layers": 2, "num_heads": 4}}
models = {{
    "t5": transformers.T5ForConditionalGeneration(transformers.T5Config(**small)),
    "gpt2": transformers.GPT2LMHeadModel(transformers.GPT2Config(vocab_size=101, n_positions=64, n_embd=24, n_layer=2, n_head=4)),
    "bert": transformers.BertModel(transformers.BertConfig(vocab_size=101, hidden_size=24, num_hidden_layers=2, num_attention_heads=4, intermediate_size=40)),
}}
told = {{}}
for name, model in models.items():
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.05)
    shapes = {{key: list(value.shape) for key, value in model.named_parameters()}}
    files = from_optimum.export(model, f"{here}/{{name}}", task=None if name != "bert" else "feature-extraction")
    told[name] = shapes, files
print(json.dumps(told))
"""


@pytest.mark.slow
def test_optimum(tmp_path: Path) -> None:
    """In an environment of its own, for optimum wants an older transformers: every file's rows are
    the whole model's, proved; together they are all of it.
    """
    wanted = [
        "torch==2.13.0",
        "optimum-onnx[onnxruntime]==0.1.0",
        "accelerate",
        "onnxruntime",
        "typer",
        "rich",
        "ml_dtypes",
    ]
    told = json.loads(run_apart("optimum", wanted, OPTIMUM.format(here=tmp_path)).splitlines()[-1])
    for name, (shapes, files) in told.items():
        together = set()
        for file in files:
            report = onnx_params.analyze(file, verify=True)
            assert all(
                row.certain and list(row.shape) == shapes[row.name] for row in report.rows
            ), file
            assert any("0 differ, 0 cannot be compared" in note for note in report.inventory.notes)
            assert [row.name for row in report.rows] == [
                key for key in shapes if key in {row.name for row in report.rows}
            ]
            together |= {row.name for row in report.rows}
        # no output depends on them
        lost = {"pooler.dense.weight", "pooler.dense.bias"} if name == "bert" else set()
        assert set(shapes) - lost == together
    names = sorted(Path(file).name for file in told["t5"][1])
    assert [
        "decoder_model.onnx",
        "decoder_model_merged.onnx",
        "decoder_with_past_model.onnx",
        "encoder_model.onnx",
    ] == names
    merged = onnx_params.analyze(tmp_path / "t5" / "decoder_model_merged.onnx")
    assert {
        row.name for row in onnx_params.analyze(tmp_path / "t5" / "decoder_model.onnx").rows
    } == {row.name for row in merged.rows}
