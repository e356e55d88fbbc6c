"""Find what a wrapper put before every name: the prefix that the author's own list does not have.

Sources: torch.nn.DataParallel and DistributedDataParallel (``module``), torch.compile
(``_orig_mod``), FSDP (``_fsdp_wrapped_module``), DeepSpeed and Accelerate (``module``,
``_forward_module``), PEFT (``base_model``), Lightning and wrappers written for an export
(``model``, ``m``, ``net``).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

WRAPPERS: Final = frozenset(
    {
        "module",
        "_orig_mod",
        "_fsdp_wrapped_module",
        "_forward_module",
        "base_model",
        "model",
        "m",
        "net",
        "wrapped",
    }
)


def wrapper_prefix(names: Iterable[str]) -> str:
    """The longest run of wrappers' words with which every name begins, with its last dot; empty
    where there is none.
    """
    names = list(names)
    prefix = ""
    while names:
        word = names[0][len(prefix) :].partition(".")[0]
        longer = f"{prefix}{word}."
        if word not in WRAPPERS or not all(
            name.startswith(longer) and len(name) > len(longer) for name in names
        ):
            break
        prefix = longer
    return prefix
