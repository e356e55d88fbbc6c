"""Export a transformers model, by name, configuration or instance; inputs are made from the configuration."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from typing import Any

import torch
import transformers

from onnx_params.errors import ExportError
from onnx_params_exporters import from_torch

LENGTH = 8  # tokens in the example
SEED = 0


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

    ``random_init`` builds from the configuration class with random weights and never asks the hub. Raises :class:`ExportError`.
    """
    loaded = _load(model, random_init).eval()
    if half:
        loaded = loaded.half()
    choose = getattr(loaded, "set_experts_implementation", None)
    if choose is not None and getattr(loaded, "_can_set_experts_implementation", lambda: False)():
        choose("batched_mm")  # the only one that torch's exporters can write
    from_torch.export(loaded, make_inputs(loaded), path, exporter=exporter, opset=opset)


def _load(model: Any, random_init: bool) -> transformers.PreTrainedModel:  # see export
    if isinstance(model, transformers.PreTrainedModel):
        return model
    if isinstance(model, str) and not random_init:
        try:
            return transformers.AutoModel.from_pretrained(model)
        except Exception as error:  # the hub's client raises many kinds
            raise ExportError(f"{model}: cannot be had from the hub; --random-init builds it with random weights ({str(error).splitlines()[0]})") from error
    config = model
    if isinstance(model, str):
        try:
            config = transformers.AutoConfig.for_model(model)
        except ValueError:
            raise ExportError(f"{model}: is no model type that transformers {transformers.__version__} knows") from None
    print(f"building {config.model_type} from its configuration, with random weights", file=sys.stderr)
    torch.manual_seed(SEED)
    return transformers.AutoModel.from_config(config)


def make_inputs(model: transformers.PreTrainedModel) -> dict[str, torch.Tensor]:
    """Example inputs that the model's own ``forward`` accepts; raises :class:`ExportError` where none does."""
    extra = {"use_cache": False} if "use_cache" in inspect.signature(type(model).forward).parameters else {}
    first: Exception | None = None
    for inputs in _candidates(model):
        try:
            with torch.no_grad():
                model(**inputs, **extra)
            return inputs
        except Exception as error:  # a candidate that does not fit
            first = first or error
    raise ExportError(f"{type(model).__name__}: no example input fits it ({first})")


def _candidates(model: transformers.PreTrainedModel) -> Iterator[dict[str, torch.Tensor]]:
    """Inputs from the fullest to the simplest, by the signature and the configuration."""
    accepts = inspect.signature(type(model).forward).parameters
    dtype = model.dtype
    config = model.config

    def get(*names: str, default: Any = None) -> Any:  # a configuration's values
        todo = [config]
        while todo:
            at = todo.pop(0)
            for name in names:
                if getattr(at, name, None) is not None:
                    return getattr(at, name)
            todo += [v for v in vars(at).values() if isinstance(v, transformers.PretrainedConfig)]
        return default

    def drawn(*dims: int) -> torch.Tensor:
        return torch.randn(*dims, generator=torch.Generator().manual_seed(SEED)).to(dtype)

    text: dict[str, torch.Tensor] = {}
    if "input_ids" in accepts:
        vocabulary = get("vocab_size", default=100)
        text["input_ids"] = 3 + torch.arange(LENGTH)[None] % max(1, vocabulary - 3)
        if "attention_mask" in accepts:
            text["attention_mask"] = torch.ones(1, LENGTH, dtype=torch.long)
        if "bbox" in accepts:
            text["bbox"] = torch.zeros(1, LENGTH, 4, dtype=torch.long)
    decoder: dict[str, torch.Tensor] = {}
    if "decoder_input_ids" in accepts:
        decoder["decoder_input_ids"] = 3 + torch.arange(LENGTH)[None]
        if "decoder_attention_mask" in accepts:
            decoder["decoder_attention_mask"] = torch.ones(1, LENGTH, dtype=torch.long)
    others: list[dict[str, torch.Tensor]] = []
    if "pixel_values" in accepts:
        size = get("image_size", default=64)
        height, width = (size["height"], size["width"]) if isinstance(size, dict) else (size, size) if isinstance(size, int) else tuple(size)[-2:]
        others.append({"pixel_values": drawn(1, get("num_channels", "in_channels", default=3), height, width)})
    mel = get("num_mel_bins", "feature_size")
    if "input_values" in accepts:
        if mel and get("max_length"):
            others.append({"input_values": drawn(1, get("max_length"), mel)})
        others.append({"input_values": drawn(1, 16000)})
    if "input_features" in accepts and mel:
        if get("max_source_positions"):
            others.append({"input_features": drawn(1, mel, 2 * get("max_source_positions"))})
        others.append({"input_features": drawn(1, 64, mel)})
    yield from ({**text, **other, **decoder} for other in others)
    yield {**text, **decoder}
    yield from others
