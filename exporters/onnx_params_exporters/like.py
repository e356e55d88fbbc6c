"""List the parameters of an architecture without weights: a configuration instantiated on torch's
meta device.
"""

from __future__ import annotations

import json
import os
from typing import Any

import torch
import transformers

from onnx_params.errors import UsageError
from onnx_params.names.architecture import Expected


def expected(config: str) -> list[Expected]:
    """The parameters of a transformers model type, or of the model that a ``config.json``
    describes, in order. Raises :class:`UsageError`.
    """
    made = _config(config)
    return on_meta(made, (made.architectures or (None,))[0])


def on_meta(config: transformers.PretrainedConfig, head: str | None) -> list[Expected]:
    """The parameters of the class of that name, or of the bare model where transformers has no such
    class, in order.
    """
    with torch.device("meta"):
        model = _model(config, head)
    names: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
    return [
        Expected(
            name,
            tuple(parameter.shape),
            tuple(other for other in names[id(parameter)] if other != name),
        )
        for name, parameter in model.named_parameters()
    ]


def _model(config: transformers.PretrainedConfig, head: str | None) -> torch.nn.Module:
    named = None if head is None else getattr(transformers, head, None)
    made: torch.nn.Module = _bare(config) if named is None else named(config)
    return made


def _config(config: str) -> transformers.PretrainedConfig:
    if os.path.exists(config):
        path = os.path.join(config, "config.json") if os.path.isdir(config) else config
        try:
            with open(path, encoding="utf-8") as file:
                words = json.load(file)
            return transformers.AutoConfig.for_model(words.pop("model_type"), **words)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"{path}: is not a configuration of transformers: {error}") from error
    try:
        return transformers.AutoConfig.for_model(config)
    except ValueError:
        raise UsageError(
            f"{config}: is not a file, and no model type that transformers"
            f" {transformers.__version__} knows"
        ) from None


def _bare(config: transformers.PretrainedConfig) -> torch.nn.Module:
    """The model without a head; transformers does not type its factories."""
    build: Any = transformers.AutoModel.from_config
    made: torch.nn.Module = build(config)
    return made
