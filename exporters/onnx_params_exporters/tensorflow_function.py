"""Convert a TensorFlow function with tf2onnx, however large its weights are."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np

# bytes of weights; one protobuf ends at 2 GiB, and folding doubles what tf2onnx holds
LARGE: Final = 1_500_000_000


def to_file(call: Any, signature: Any, path: str, opset: int | None, n_bytes: int) -> None:
    """Let tf2onnx convert a function, by way of its zip where ``n_bytes`` of weights are too many
    for one protobuf.
    """
    import onnx
    import tf2onnx

    if n_bytes < LARGE:
        proto, _ = tf2onnx.convert.from_function(call, input_signature=signature, opset=opset)
        onnx.save(proto, path)
        return
    with tempfile.TemporaryDirectory() as folder, _old_numpy():
        packed = os.path.join(folder, "model.zip")
        tf2onnx.convert.from_function(
            call, input_signature=signature, opset=opset, large_model=True, output_path=packed
        )
        with zipfile.ZipFile(packed) as archive:
            archive.extractall(folder)
        proto = onnx.load(os.path.join(folder, "__MODEL_PROTO.onnx"))
        onnx.save(
            proto,
            path,
            save_as_external_data=True,
            all_tensors_to_one_file=True,
            location=f"{os.path.basename(path)}.data",
        )


@contextmanager
def _old_numpy() -> Iterator[None]:
    """tf2onnx 1.17 calls ``np.product``, which NumPy 2 has not, where a model is large
    (tf2onnx/graph.py).
    """
    if hasattr(np, "product"):
        yield
        return
    np.product = np.prod  # type: ignore[attr-defined]
    try:
        yield
    finally:
        del np.product  # type: ignore[attr-defined]
