"""Make example inputs for a transformers model from its configuration and its ``forward``: text,
images, videos, audio.

Which argument means what: the model outputs and ``forward`` signatures of transformers 5.23;
lengths follow the configuration's own words (``image_size``, ``num_mel_bins``,
``max_source_positions``, ...). What fits is found by trial, from the fullest to the simplest.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from itertools import product
from typing import Any

import torch
import transformers

from onnx_params.errors import ExportError

LENGTH = 8  # tokens in the example
SAMPLES = 16000  # audio samples: one second
SEED = 0

Inputs = dict[str, torch.Tensor]


def make_inputs(model: transformers.PreTrainedModel) -> Inputs:
    """Example inputs, by argument name, that the model's own ``forward`` accepts; raises
    :class:`ExportError` where none does.
    """
    extra = (
        {"use_cache": False}
        if "use_cache" in inspect.signature(type(model).forward).parameters
        else {}
    )
    first: Exception | None = None
    for inputs in _candidates(model):
        try:
            with torch.no_grad():
                model(**inputs, **extra)
            return inputs
        except Exception as error:  # a candidate that does not fit
            first = first or error
    reason = str(first).strip().partition("\n")[0]
    raise ExportError(
        f"{type(model).__name__}: no example input fits it ({reason});"
        " give from_torch.export inputs"
        " of your own"
    )


def _candidates(model: transformers.PreTrainedModel) -> Iterator[Inputs]:
    accepts = frozenset(inspect.signature(type(model).forward).parameters)
    text, decoder = _text(model.config, accepts), _decoder(model.config, accepts)
    media = [dict(item) for item in (*_pictures(model, accepts), *_sound(model, accepts))]
    seen: set[tuple[str, ...]] = set()
    for words, medium, answer in product(dict.fromkeys((True, False)), [*media, {}], (True, False)):
        inputs = {**(text if words else {}), **medium, **(decoder if answer else {})}
        sign = tuple(f"{name}{tuple(tensor.shape)}" for name, tensor in inputs.items())
        if inputs and sign not in seen:
            seen.add(sign)
            yield inputs


# a configuration's values
def _values(config: transformers.PretrainedConfig, *names: str) -> list[Any]:
    """What the configuration and those inside it say under any of ``names``, the
    outermost first.
    """
    found, todo = [], [config]
    while todo:
        at = todo.pop(0)
        found += [value for name in names if (value := getattr(at, name, None)) is not None]
        todo += [
            value for value in vars(at).values() if isinstance(value, transformers.PretrainedConfig)
        ]
    return found


def _value(config: transformers.PretrainedConfig, *names: str, default: Any = None) -> Any:
    return next(iter(_values(config, *names)), default)


def _tokens(config: transformers.PretrainedConfig) -> torch.Tensor:
    """Distinct ids above the special ones where the vocabulary has room; the last is the end token,
    which some models look for.
    """
    vocabulary = _value(config, "vocab_size", default=100)
    ids: torch.Tensor = 3 + torch.arange(LENGTH)[None] % max(1, vocabulary - 4)
    end = _value(config, "eos_token_id")
    if isinstance(end, int) and 0 <= end < vocabulary:
        ids[0, -1] = end
    return ids


def _text(config: transformers.PretrainedConfig, accepts: frozenset[str]) -> Inputs:
    if "input_ids" not in accepts:
        return {}
    inputs = {"input_ids": _tokens(config)}
    if "attention_mask" in accepts:
        inputs["attention_mask"] = torch.ones(1, LENGTH, dtype=torch.long)
    if "bbox" in accepts:
        inputs["bbox"] = torch.zeros(1, LENGTH, 4, dtype=torch.long)
    return inputs


def _decoder(config: transformers.PretrainedConfig, accepts: frozenset[str]) -> Inputs:
    if "decoder_input_ids" not in accepts:
        return {}
    inputs = {"decoder_input_ids": _tokens(config)}
    if "decoder_attention_mask" in accepts:
        inputs["decoder_attention_mask"] = torch.ones(1, LENGTH, dtype=torch.long)
    return inputs


def _drawn(model: transformers.PreTrainedModel, *dims: int) -> torch.Tensor:
    return torch.randn(*dims, generator=torch.Generator().manual_seed(SEED)).to(model.dtype)


def _pictures(model: transformers.PreTrainedModel, accepts: frozenset[str]) -> Iterator[Inputs]:
    config = model.config
    channels = _value(config, "num_channels", "in_channels", "in_chans", default=3)
    for size in [*_values(config, "image_size", "crop_size"), 64, 224]:
        pair = (
            (size["height"], size["width"])
            if isinstance(size, dict)
            else (size, size)
            if isinstance(size, int)
            else tuple(size)[-2:]
        )
        if "pixel_values_videos" in accepts or "pixel_values" in accepts:
            frames = _value(config, "num_frames", "frames_per_clip")
            name = (
                "pixel_values_videos"
                if "pixel_values_videos" in accepts and "pixel_values" not in accepts
                else "pixel_values"
            )
            if frames:
                yield {name: _drawn(model, 1, frames, channels, *pair)}
            yield {name: _drawn(model, 1, channels, *pair)}


def _sound(model: transformers.PreTrainedModel, accepts: frozenset[str]) -> Iterator[Inputs]:
    config = model.config
    bins = _value(config, "num_mel_bins", "feature_size", "input_channels")
    frames = _value(config, "max_source_positions")
    spectrum = _value(config, "max_length")  # of the audio spectrogram transformer
    mask = (
        {"attention_mask": torch.ones(1, LENGTH * 8, dtype=torch.long)}
        if "attention_mask" in accepts and "input_ids" not in accepts
        else {}
    )
    if "input_values" in accepts:
        if bins and isinstance(spectrum, int):
            yield {"input_values": _drawn(model, 1, spectrum, bins)}
        yield {"input_values": _drawn(model, 1, SAMPLES)}
        yield {"input_values": _drawn(model, 1, 1, SAMPLES)}
    if "input_features" in accepts and bins:
        if frames:
            yield {"input_features": _drawn(model, 1, bins, 2 * frames)}
        yield {"input_features": _drawn(model, 1, LENGTH * 8, bins), **mask}
        yield {"input_features": _drawn(model, 1, LENGTH * 8, bins)}
