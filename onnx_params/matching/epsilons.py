"""Find the epsilon that was added to a running variance before its root or logarithm was taken."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from onnx_params.idioms.torchscript import LIFTED
from onnx_params.idioms.vocabulary import is_running
from onnx_params.matching.candidates import Candidate
from onnx_params.matching.match_state import MatchState
from onnx_params.tensors.steps import Steps
from onnx_params.tensors.stored import StoredTensor

ULP: Final = 2.0**-23  # relative, of float32


def epsilon_of(
    state: MatchState, tensor: StoredTensor, candidate: Candidate, steps: Steps
) -> float:
    """What TorchScript's exporter added to every number of a running variance; 0 where it is no
    power of ten, or did not.
    """
    if not is_running(tensor.name, "var") or not candidate.tensor.name.startswith(LIFTED):
        return 0.0
    values = tensor.read().astype(np.float64)
    if not values.size:
        return 0.0
    differences = state.values.of(candidate.key, steps).astype(np.float64) - values
    number = float(np.median(differences))
    if not np.isfinite(differences).all() or number <= 0:
        return 0.0
    epsilon = float(10.0 ** round(math.log10(number)))
    allowed = np.abs(values) * ULP
    return epsilon if np.all(np.abs(differences - epsilon) <= allowed) else 0.0
