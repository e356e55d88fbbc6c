"""The words after ``onnx-params export``: one command a framework."""

from __future__ import annotations

import enum
import functools
import inspect
import os
import sys
from typing import Annotated, Any

import typer

from onnx_params.errors import DependencyError, UnreadableError, UsageError, system_reason
from onnx_params.plain import plain
from onnx_params.render.text import n_bytes

app = typer.Typer(
    help="Export a model to ONNX with its source map.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Exporter(enum.StrEnum):
    """Which of torch's exporters."""

    DYNAMO = "dynamo"
    TORCHSCRIPT = "torchscript"


@app.callback()
def common() -> None:
    """Export a model to ONNX with its source map."""


Output = Annotated[
    str, typer.Option("--output", "-o", metavar="FILE", help="File to write the artifact to.")
]
Force = Annotated[bool, typer.Option("--force", help="Write over a file that is there.")]


@app.command()
def transformers(
    model: Annotated[
        str, typer.Argument(help="A hub name or, with --random-init, a model type such as gpt2.")
    ],
    output: Output,
    random_init: Annotated[
        bool,
        typer.Option("--random-init", help="Random weights from the configuration class; no hub."),
    ] = False,
    exporter: Annotated[
        Exporter, typer.Option("--exporter", help="Which of torch's exporters to use.")
    ] = Exporter.DYNAMO,
    opset: Annotated[
        int, typer.Option("--opset", help="Operator set; the exporter's own choice if 0.")
    ] = 0,
    fp16: Annotated[
        bool, typer.Option("--fp16", help="Cast weights to half precision first.")
    ] = False,
    force: Force = False,
) -> None:
    """Export a transformers model."""
    _refuse_existing(output, force)
    options = {
        "random_init": random_init,
        "exporter": exporter.value,
        "opset": opset or None,
        "half": fp16,
    }
    _export("from_transformers", "transformers", model, output, **options)
    _say(output)


@app.command()
def optimum(
    model: Annotated[
        str,
        typer.Argument(
            help=(
                "A hub name, a folder that save_pretrained wrote or, with --random-init, a model"
                " type."
            )
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Folder to write the artifacts to; it must not exist yet.",
        ),
    ],
    task: Annotated[
        str,
        typer.Option(
            "--task",
            help="In optimum's words, such as text-generation-with-past; the model's own if empty.",
        ),
    ] = "",
    random_init: Annotated[
        bool,
        typer.Option("--random-init", help="Random weights from the configuration class; no hub."),
    ] = False,
) -> None:
    """Export a transformers model by optimum-onnx: one file, or encoder and decoders."""
    for path in _export(
        "from_optimum", "optimum", model, output, task=task or None, random_init=random_init
    ):
        print(path)


Inputs = Annotated[
    str,
    typer.Option(
        "--inputs",
        metavar="FILE",
        help="Example inputs: .npy for one, .npz for several by name or in order.",
    ),
]
TRUST = "Loading a pickle can run code: only use files that you trust."


@app.command(help=f"Export a fitted scikit-learn estimator or pipeline, saved by joblib. {TRUST}")
def sklearn(
    model: Annotated[str, typer.Argument(help="A file that joblib wrote.")],
    output: Output,
    inputs: Inputs,
    force: Force = False,
) -> None:
    """See help."""
    _refuse_existing(output, force)
    _export("from_sklearn", "sklearn", _unpickled(model), _one(inputs), output)
    _say(output)


@app.command(
    help=(
        "Export a fitted LightGBM or XGBoost model with scikit-learn's interface, saved by joblib."
        f" {TRUST}"
    )
)
def boosting(
    model: Annotated[str, typer.Argument(help="A file that joblib wrote.")],
    output: Output,
    inputs: Inputs,
    force: Force = False,
) -> None:
    """See help."""
    _refuse_existing(output, force)
    _export("from_boosting", "boosting", _unpickled(model), _one(inputs), output)
    _say(output)


@app.command()
def keras(
    model: Annotated[str, typer.Argument(help="A .keras or .h5 file, or a SavedModel's folder.")],
    output: Output,
    inputs: Inputs,
    opset: Annotated[
        int, typer.Option("--opset", help="Operator set; the converter's own choice if 0.")
    ] = 0,
    force: Force = False,
) -> None:
    """Export a Keras 3 model, on the backend that KERAS_BACKEND names (tensorflow if none), or a
    SavedModel.
    """
    _refuse_existing(output, force)
    _export("from_keras", "keras", model, _read(inputs), output, opset=opset or None)
    _say(output)


@app.command()
def jax(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODULE:NAME", help="A module of Flax or Equinox, or a function that makes one."
        ),
    ],
    output: Output,
    inputs: Inputs,
    batched: Annotated[
        bool,
        typer.Option(
            "--batched", help="Map an Equinox module over the first dimension of the inputs."
        ),
    ] = False,
    force: Force = False,
) -> None:
    """Export a Flax module (NNX, or Linen bound to its variables) or an Equinox module."""
    _refuse_existing(output, force)
    _export("from_jax", "jax", _imported(model), _in_order(_read(inputs)), output, batched=batched)
    _say(output)


@app.command()
def paddle(
    model: Annotated[
        str,
        typer.Argument(metavar="MODULE:NAME", help="A Paddle layer, or a function that makes one."),
    ],
    output: Output,
    inputs: Inputs,
    force: Force = False,
) -> None:
    """Export a Paddle layer."""
    _refuse_existing(output, force)
    _export("from_paddle", "paddle", _imported(model), _in_order(_read(inputs)), output)
    _say(output)


def _refuse_existing(output: str, force: bool) -> None:
    """Raise :class:`UsageError` where a file would be written over that nobody gave up."""
    if os.path.exists(output) and not force:
        raise UsageError(f"{output}: is there already; --force writes over it")


def _say(output: str) -> None:
    """Say what was written."""
    size = os.path.getsize(output)
    data = f"{output}.data"
    beside = (
        f" and {n_bytes(os.path.getsize(data))} in {plain(data)}" if os.path.exists(data) else ""
    )
    print(f"{plain(output)}: {n_bytes(size)}{beside}, checked in onnxruntime, with its source map")


def _imported(model: str) -> Any:  # a framework's module
    """What ``MODULE:NAME`` names, or makes where it is a function or a class."""
    from importlib import import_module

    path, _, name = model.partition(":")
    sys.path.insert(0, "")
    try:
        made = getattr(import_module(path), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"{model}: cannot be imported: {error}") from error
    return (
        made() if inspect.isroutine(made) or isinstance(made, (type, functools.partial)) else made
    )


def _in_order(given: Any) -> Any:  # an array, or arrays by name
    return list(given.values()) if isinstance(given, dict) else given


# what the module's export takes and gives
def _export(module: str, extra: str, *args: Any, **options: Any) -> Any:
    """Run a module's ``export``; what it imports is said by its extra where it is not installed."""
    from importlib import import_module

    try:
        return import_module(f"onnx_params_exporters.{module}").export(*args, **options)
    except ImportError as error:
        raise DependencyError.of("this exporter", str(error.name), extra) from error


def _unpickled(path: str) -> Any:  # an estimator
    try:
        import joblib

        return joblib.load(path)
    except ImportError as error:
        raise DependencyError(f"{error.name} is not installed, and '{path}' needs it") from error
    except OSError as error:
        raise UnreadableError(f"{path}: cannot be read: {system_reason(error)}") from error
    except Exception as error:  # a pickle raises of every kind
        raise UnreadableError(
            f"{path}: is not a file that joblib can load: {type(error).__name__}"
        ) from error


def _read(path: str) -> Any:  # an array, or arrays by name
    import numpy as np

    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise UnreadableError(
            f"{path}: contains no arrays: {str(error).partition(chr(10))[0]}"
        ) from error
    return found if isinstance(found, np.ndarray) else {name: found[name] for name in found.files}


def _one(path: str) -> Any:  # an array
    found = _read(path)
    return next(iter(found.values())) if isinstance(found, dict) else found
