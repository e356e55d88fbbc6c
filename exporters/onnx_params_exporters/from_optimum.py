"""Export a transformers model by optimum-onnx, which makes one file or several (encoder, decoder,
both decoders merged), each with its source map.

Names are those of the whole model in every file, so that each can be held against the one
checkpoint. What a file holds is what its outputs depend on: parameters that autograd does not reach
from them (an unused pooler, the other half of an encoder and decoder) are not listed in it.
"""

from __future__ import annotations

import copy
import inspect
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import torch

from onnx_params.errors import ExportError
from onnx_params_exporters import by_content, source_map
from onnx_params_exporters.from_torch import original, owned, tensors
from onnx_params_exporters.workshop import checked, folder_of, running, saying

MERGED: Final = "decoder_model_merged"  # of the two below; optimum/exporters/onnx/constants.py
_PARTS: Final = ("decoder_model", "decoder_with_past_model")
SEED: Final = 0
_LIKELY: Final = (
    "text2text-generation-with-past",
    "text-generation-with-past",
    "automatic-speech-recognition-with-past",
    "feature-extraction",
)


# see below
def export(
    model: Any,
    folder: str,
    *,
    task: str | None = None,
    random_init: bool = False,
    check: bool = True,
) -> list[str]:
    """Export ``model`` (an instance, a hub name, a folder that ``save_pretrained`` wrote, or with
    ``random_init`` a model type) into ``folder``.

    ``folder`` must not be there yet, or be empty; it is filled whole or not at all. ``task`` is in
    optimum's words (``text-generation-with-past``, ...), the model's own if not given. Returns the
    artifacts' paths. Raises :class:`ExportError` where optimum cannot export it, a parameter is
    lost, or (with ``check``) onnxruntime's outputs differ from the model's.
    """
    from optimum.exporters.onnx import onnx_export_from_model
    from optimum.version import __version__ as version

    loaded, task = _load(model, task, random_init) if isinstance(model, str) else (model, task)
    loaded.eval()
    kind = type(loaded).__name__
    with folder_of(folder) as draft:
        print("exporting with optimum ...", file=sys.stderr)
        with saying(f"{kind}: optimum cannot export it"):
            onnx_export_from_model(loaded, draft, task=task, do_validation=False)
        made = sorted(Path(draft).glob("*.onnx"))
        needed = {
            stem: _used(module, config) for stem, (module, config) in _parts(loaded, task).items()
        }
        needed[MERGED] = frozenset().union(*(needed.get(stem, frozenset()) for stem in _PARTS))
        for path in made:
            if path.stem not in needed:
                raise ExportError(
                    f"{path.name}: the file does not say which part of the model it is"
                )
            _name(path, loaded, needed[path.stem], f"optimum-onnx, optimum {version}")
            checked(str(path), path.name)
            if check:
                _check(path, loaded, task)
    return [os.path.join(folder, path.name) for path in made]


# a transformers model, and its task where one is to be said
def _load(model: str, task: str | None, random_init: bool) -> tuple[Any, str | None]:
    from optimum.exporters.tasks import TasksManager

    with saying(f"{model}: cannot be loaded"):
        if not random_init:
            return (
                TasksManager.get_model_from_task(
                    task or TasksManager.infer_task_from_model(model), model, framework="pt"
                ),
                task,
            )
        supported = list(
            TasksManager.get_supported_tasks_for_model_type(
                model, "onnx", library_name="transformers"
            )
        )
        chosen = task or next((each for each in _LIKELY if each in supported), supported[0])
        import transformers

        producer = TasksManager.get_model_class_for_task(
            chosen.removesuffix("-with-past"),
            framework="pt",
            model_type=model,
            library="transformers",
        )
        torch.manual_seed(SEED)
        print(
            f"building {model} from its configuration, with random weights, for {chosen}",
            file=sys.stderr,
        )
        return producer.from_config(transformers.AutoConfig.for_model(model)), chosen


# optimum's configurations
def _parts(model: Any, task: str | None) -> dict[str, tuple[torch.nn.Module, Any]]:
    """Each file's stem with the module it is made of and a fresh configuration: export and
    validation change theirs.
    """
    from optimum.exporters.onnx.utils import _get_submodels_and_onnx_configs
    from optimum.exporters.tasks import TasksManager

    library = TasksManager.infer_library_from_model(model)
    chosen = task or _own_task(model, library)
    _, found = _get_submodels_and_onnx_configs(
        model=model,
        task=chosen,
        monolith=False,
        custom_onnx_configs={},
        custom_architecture=False,
        _variant="default",
        library_name=library,
    )
    return dict(found)


def _own_task(model: Any, library: str) -> str:
    """What optimum takes a model without a task for.

    Source: ``onnx_export_from_model``, which adds the past where there is one.
    """
    from optimum.exporters.tasks import TasksManager

    task = TasksManager.infer_task_from_model(model)
    kind = model.config.model_type.replace("_", "-")
    supported = TasksManager.get_supported_tasks_for_model_type(kind, "onnx", library_name=library)
    return f"{task}-with-past" if f"{task}-with-past" in supported else str(task)


# a module's outputs
def _runs(module: torch.nn.Module, config: Any, given: Mapping[str, Any]) -> Any:
    """Run a module as it was exported: under the configuration's patch."""
    options = (
        {"logits_to_keep": 0}
        if "logits_to_keep" in inspect.signature(module.forward).parameters
        else {}
    )
    inputs = config.rename_ambiguous_inputs(copy.deepcopy(given))
    with config.patch_model_for_export(module, model_kwargs=options):
        return module(**inputs)


def _used(module: torch.nn.Module, config: Any) -> frozenset[int]:  # an optimum configuration
    """The ids of the parameters that the outputs depend on, by autograd's graph; frozen ones
    (sinusoidal positions) too.
    """
    frozen = [
        parameter
        for parameter in module.parameters()
        if parameter.is_floating_point() and not parameter.requires_grad
    ]
    for parameter in frozen:
        parameter.requires_grad_(True)
    try:
        with torch.enable_grad():
            outputs = list(
                tensors(_runs(module, config, config.generate_dummy_inputs(framework="pt")))
            )
    finally:
        for parameter in frozen:
            parameter.requires_grad_(False)
    found = {id(value) for value in outputs if value.is_leaf}
    todo, seen = [value.grad_fn for value in outputs if value.grad_fn is not None], set()
    while todo:
        step = todo.pop()
        if step not in seen:
            seen.add(step)
            if hasattr(step, "variable"):
                found.add(id(step.variable))
            todo.extend(before for before, _ in step.next_functions if before is not None)
    return frozenset(found)


def _name(path: Path, model: torch.nn.Module, used: frozenset[int], exporter: str) -> None:
    """Write the source map of one file."""
    kept = {
        name: (parameter, aliases)
        for name, parameter, aliases in owned(model)
        if id(parameter) in used
    }
    buffers = {name: buffer for name, buffer in model.named_buffers() if buffer.is_floating_point()}
    weights = [
        by_content.Weight(name, parameter.detach().numpy(), True, aliases)
        for name, (parameter, aliases) in kept.items()
    ]
    weights += [by_content.Weight(name, buffer.numpy(), False) for name, buffer in buffers.items()]
    found = by_content.claims(str(path), weights)
    lost = [name for name in kept if name not in found]
    if lost:
        raise ExportError(
            f"{path.name}: {len(lost)} parameters that its outputs depend on are not in it,"
            f" {lost[0]} among them"
        )
    rows = [original(name, parameter, aliases) for name, (parameter, aliases) in kept.items()]
    source_map.write(
        str(path),
        f"torch {torch.__version__}",
        exporter,
        rows,
        [original(name, buffer) for name, buffer in buffers.items()],
        lambda: found,
    )


def _check(path: Path, model: Any, task: str | None) -> None:
    """Hold a file's outputs against its module's; a merged decoder against both that it is made of,
    each by its branch.
    """
    print(f"checking {path.name} in onnxruntime ...", file=sys.stderr)
    if path.stem != MERGED:
        return _agrees(path, *_parts(model, task)[path.stem])
    for stem, with_past in zip(_PARTS, (False, True), strict=True):
        module, config = _parts(model, task)[stem]
        config.is_merged, config.use_cache_branch = True, with_past
        if not with_past:
            config.use_past_in_inputs = True
        _agrees(path, module, config)
    return None


def _agrees(path: Path, module: torch.nn.Module, config: Any) -> None:  # an optimum configuration
    import onnxruntime

    given = config.generate_dummy_inputs(framework="pt")
    with torch.inference_mode():
        expected = dict(_named(config, _runs(module, config, given)))
    with running(path.name):
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    wanted = config.generate_dummy_inputs_for_validation(
        given, [value.name for value in session.get_inputs()]
    )
    feed = {}
    for name, value in wanted.items():
        parts = (
            config.flatten_output_collection_property(name, value)
            if isinstance(value, (list, tuple))
            else {name: value}
        )
        feed.update({part: tensor.numpy() for part, tensor in parts.items()})
    with running(path.name):
        outputs = session.run(None, feed)
    names = [value.name for value in session.get_outputs()]
    compared = 0
    for name, got in zip(names, outputs, strict=True):
        true = expected.get(name)
        # the branch with a cache hands the encoder's part of it on, empty
        if true is None or tuple(true.shape) != got.shape:
            continue
        compared += 1
        by_content.agree(path.name, name, got, true.float().numpy())
    if not compared:
        raise ExportError(f"{path.name}: none of its outputs is one of the model's")


# whatever a forward returns
def _named(config: Any, outputs: Any) -> Iterator[tuple[str, torch.Tensor]]:
    for key, value in outputs.items():
        name = "present" if key == "past_key_values" else key
        if isinstance(value, (list, tuple)):
            yield from config.flatten_output_collection_property(
                config.torch_to_onnx_output_map.get(name, name), value
            ).items()
        elif isinstance(value, torch.Tensor):
            yield name, value
