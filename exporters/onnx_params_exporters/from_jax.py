"""Export a Flax NNX module through jax2onnx, with its own names: dotted paths of its variables, in the order in which they were set."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from onnx_params.errors import ExportError
from onnx_params_exporters.by_content import Weight, compare, finish

OPSET: Final = 23


def export(model: Any, example_inputs: Sequence[Any] | Any, path: str, *, opset: int = OPSET, check: bool = True) -> None:  # Flax' own types
    """Export ``model`` to ``path``, whole or not at all; shapes are fixed at those of ``example_inputs``, arrays in the order of its call.

    Raises :class:`ExportError` where jax2onnx fails, or (with ``check``) where onnxruntime's outputs differ from the module's.
    """
    import flax
    import jax
    from flax import nnx
    from jax2onnx import to_onnx

    given = [np.asarray(value) for value in ([example_inputs] if hasattr(example_inputs, "shape") else list(example_inputs))]
    names = list(inspect.signature(model).parameters)[: len(given)]
    quiet = _without_chance(model)
    expected = [np.asarray(value) for value in jax.tree.leaves(quiet(*given))]
    graph, state = nnx.split(quiet)

    def call(*args: Any) -> Any:  # merged inside the trace: a scan refuses variables that were made outside it
        return nnx.merge(graph, state, copy=True)(*args)

    def write(draft: str) -> None:
        print("converting with jax2onnx ...", file=sys.stderr)
        shapes = [jax.ShapeDtypeStruct(value.shape, jax.dtypes.canonicalize_dtype(value.dtype)) for value in given]
        try:
            to_onnx(call, shapes, opset=opset, input_names=names, return_mode="file", output_path=draft)
        except Exception as error:  # jax2onnx raises many kinds
            raise ExportError(f"{type(model).__name__}: jax2onnx cannot convert it: {str(error).strip().partition(chr(10))[0]}") from error
        if check:
            compare(draft, dict(zip(names, given, strict=True)), expected)

    finish(path, f"flax {flax.__version__}", "jax2onnx", list(own(model)), write)


def own(module: Any) -> Iterator[Weight]:  # a Flax NNX module
    """Its variables by their first path, in the order in which attributes were set; no random state. Running statistics are no parameters."""
    from flax import nnx

    found: dict[int, tuple[Any, list[str]]] = {}

    def walk(node: Any, path: tuple[str, ...], above: frozenset[int]) -> None:
        if isinstance(node, nnx.Variable):
            if not isinstance(node, nnx.RngState):
                found.setdefault(id(node), (node, []))[1].append(".".join(path))
            return
        if id(node) in above:
            return
        if isinstance(node, (nnx.List, list, tuple)):
            parts: list[tuple[str, Any]] = [(str(at), part) for at, part in enumerate(node)]
        elif isinstance(node, Mapping):
            parts = [(str(name), part) for name, part in node.items()]
        elif isinstance(node, nnx.Pytree):
            parts = [(name, part) for name, part in vars(node).items() if not name.startswith("_pytree__")]
        else:
            return
        for name, part in parts:
            walk(part, (*path, name), above | {id(node)})

    walk(module, (), frozenset())
    for variable, paths in found.values():
        yield Weight(paths[0], np.asarray(variable[...]), isinstance(variable, nnx.Param), tuple(paths[1:]))


class _Keys:
    """Stands in for a module's random streams: every key is the same plain array, which what is deterministic never looks at."""

    def __call__(self) -> Any:  # a key
        return np.zeros(2, np.uint32)

    def __getattr__(self, name: str) -> Any:  # a stream
        if name.startswith("_"):
            raise AttributeError(name)
        return self

    def fork(self, **_: Any) -> Any:  # streams
        return self


def _without_chance(module: Any) -> Any:  # a Flax NNX module
    """A copy in ``eval`` mode without random keys: a recurrent layer asks for one a call, and jax2onnx can write none."""
    from flax import nnx

    copy = nnx.clone(module)
    copy.eval()
    for part in [part for _, part in nnx.iter_modules(copy)]:
        for name, value in list(vars(part).items()):
            if isinstance(value, (nnx.Rngs, nnx.RngStream)):
                setattr(part, name, _Keys())
    return copy
