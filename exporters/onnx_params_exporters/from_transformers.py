"""Export a transformers model, by name, configuration or instance; inputs are made from the
configuration.
"""

from __future__ import annotations

import sys
from typing import Any

import torch
import transformers

from onnx_params.errors import ExportError
from onnx_params_exporters import from_torch
from onnx_params_exporters.inputs import SEED, make_inputs


def export(
    model: str | transformers.PretrainedConfig | transformers.PreTrainedModel,
    path: str,
    *,
    random_init: bool = False,
    exporter: from_torch.Exporter = "dynamo",
    opset: int | None = None,
    half: bool = False,
) -> None:
    """Export ``model`` (a hub name, a model type, a configuration or an instance) to ``path``.

    ``random_init`` builds from the configuration class with random weights and never asks the hub.
    Raises :class:`ExportError`.
    """
    loaded = _load(model, random_init)
    loaded.train(False)
    if half:
        torch.nn.Module.half(loaded)
    choose = getattr(loaded, "set_experts_implementation", None)
    if choose is not None and getattr(loaded, "_can_set_experts_implementation", lambda: False)():
        choose("batched_mm")  # the only one that torch's exporters can write
    from_torch.export(loaded, make_inputs(loaded), path, exporter=exporter, opset=opset)


def _load(model: Any, random_init: bool) -> transformers.PreTrainedModel:  # see export
    if isinstance(model, transformers.PreTrainedModel):
        return model
    if isinstance(model, str) and not random_init:
        try:
            loaded: transformers.PreTrainedModel = _class_of(model).from_pretrained(model)
            return loaded
        except Exception as error:  # the hub's client raises many kinds
            raise ExportError(
                f"{model}: cannot be loaded; --random-init builds it with random weights"
                f" ({str(error).splitlines()[0]})"
            ) from error
    config = model
    if isinstance(model, str):
        try:
            config = transformers.AutoConfig.for_model(model)
        except ValueError:
            raise ExportError(
                f"{model}: is not a model type that transformers {transformers.__version__} knows"
            ) from None
    print(
        f"building {config.model_type} from its configuration, with random weights", file=sys.stderr
    )
    torch.manual_seed(SEED)
    build: Any = transformers.AutoModel.from_config  # not typed by transformers
    made: transformers.PreTrainedModel = build(config)
    return made


def _class_of(model: str) -> Any:  # not typed by transformers
    """The class that a checkpoint was saved from, by its configuration: the bare model would lack a
    head that is in the checkpoint.
    """
    import transformers

    config = transformers.AutoConfig.from_pretrained(model)
    names = getattr(config, "architectures", None) or []
    found = getattr(transformers, names[0], None) if names else None
    return transformers.AutoModel if found is None else found
