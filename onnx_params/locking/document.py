"""Read what a lock file says: the contract ``onnx-params/lock/1``."""

from __future__ import annotations

import json
import os

from onnx_params.errors import FormatError, UsageError, system_reason
from onnx_params.locking.record import SCHEMA, Lock, Locked


def read_lock(path: str) -> Lock:
    """Read what :func:`to_json` wrote.

    Raises :class:`UsageError` where there is no such file, :class:`FormatError` where it is no
    lock.
    """
    if os.path.isdir(path):
        raise UsageError(f"{path}: is a folder; name the lock in it")
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        if document["schema"] != SCHEMA:
            raise FormatError(f"{path}: is a lock of an unknown version: {document['schema']!r}")
        tensors = tuple(
            Locked(
                str(t["name"]),
                str(t["graph"]),
                str(t["place"]),
                str(t["role"]),
                str(t["dtype"]),
                tuple(int(dim) for dim in t["shape"]),
                int(t["bytes"]),
                str(t["sha256"]),
            )
            for t in document["tensors"]
        )
        return Lock(
            name=str(document["name"]),
            model=dict(document["model"]),
            totals=dict(document["totals"]),
            structure=str(document["structure"]["sha256"]),
            structure_without_names=str(document["structure"]["sha256_without_names"]),
            metadata=str(document["metadata"]["sha256"]),
            tensors=tensors,
            parameters=tuple(
                row
                for row in document["parameters"]
                if isinstance(row["stored"], list) and isinstance(row["name"], str)
            ),
        )
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {system_reason(error)}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FormatError(
            f"{path}: is not a lock: {type(error).__name__}; `onnx-params lock MODEL -o FILE`"
            " writes one"
        ) from error
