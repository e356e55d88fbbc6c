"""Export a fitted LightGBM or XGBoost model (scikit-learn's interface) through onnxmltools, checked
against its predictions.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np

from onnx_params.errors import ExportError
from onnx_params.inventory.record import Inventory
from onnx_params.names.claim import Claim
from onnx_params_exporters.from_sklearn import compare, finish
from onnx_params_exporters.workshop import saying

OPSET: Final = 15  # onnxmltools' highest


# LightGBM's and XGBoost's own types
def export(model: Any, example: Any, path: str, *, check: bool = True) -> None:
    """Export ``model`` to ``path``, whole or not at all; ``example`` is [samples, features], cast
    to float32. Raises :class:`ExportError`.
    """
    import onnxmltools
    from onnxmltools.convert.common.data_types import FloatTensorType

    rows = np.asarray(example, dtype=np.float32)
    types = [("X", FloatTensorType([None, rows.shape[1]]))]
    library = type(model).__module__.partition(".")[0]
    if library not in ("lightgbm", "xgboost"):
        raise ExportError(f"{type(model).__name__}: is neither a LightGBM nor an XGBoost model")
    with saying(f"{type(model).__name__}: onnxmltools cannot convert it"):
        if library == "lightgbm":
            proto = onnxmltools.convert_lightgbm(
                model, initial_types=types, zipmap=False, target_opset=OPSET
            )
        else:
            proto = onnxmltools.convert_xgboost(model, initial_types=types, target_opset=OPSET)
    module = __import__(library)

    # the words are the operators' own: a threshold is one, a leaf value too
    def named(inventory: Inventory) -> list[Claim]:
        return [replace(claim, certain=True) for claim in inventory.parameters]

    finish(proto.SerializeToString(), path, f"{library} {module.__version__}", "onnxmltools", named)
    if check:
        compare(path, rows, model)
