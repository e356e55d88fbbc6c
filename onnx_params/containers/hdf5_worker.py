"""List and read the datasets of an HDF5 file: a program that :mod:`onnx_params.containers.hdf5`
runs in a process of its own.

The HDF5 library is written in C, and a damaged file can crash it or keep it busy without end (found
by mutation with HDF5 2.0). In a process of its own this ends that process only.

``python hdf5_worker.py PATH`` (``-`` for standard input) writes to standard output one line of
JSON and then bytes. The JSON is ``{"error": text}`` or ``{"datasets": [...]}``; a dataset is
``place`` (its path in the file), ``name`` (what Keras' legacy format calls it, else null),
``dtype``, ``shape``, and ``offset`` where its data is contiguous and little-endian in the file,
else null. The bytes are the values of the datasets without offset, little-endian, in order.
"""

from __future__ import annotations

import io
import itertools
import json
import sys
from collections.abc import Iterator
from typing import Any

NUMBERS = "biufV"  # kinds of NumPy's types; V: ml_dtypes'


def main(path: str) -> None:
    """Write the listing and the bytes to standard output."""
    import h5py

    file = io.BytesIO(sys.stdin.buffer.read()) if path == "-" else path
    try:
        with h5py.File(file, "r") as opened:
            found = list(_listed(opened)) or list(_everywhere(opened))
            listing = [_described(name, dataset) for name, dataset in found]
            loose = [
                dataset
                for (_, dataset), row in zip(found, listing, strict=True)
                if row["offset"] is None and dataset.dtype.kind in NUMBERS
            ]
            _write({"datasets": listing})
            for dataset in loose:
                values = dataset[()].astype(dataset.dtype.newbyteorder("<"))
                sys.stdout.buffer.write(values.tobytes())
    except (
        OSError,
        KeyError,
        ValueError,
        RuntimeError,
        AttributeError,
        TypeError,
        MemoryError,
    ) as error:
        _write({"error": str(error).partition("\n")[0]})


def _write(document: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(document).encode() + b"\n")


def _listed(opened: Any) -> Iterator[tuple[str | None, Any]]:  # h5py's own types
    """The datasets that Keras' legacy format lists in attributes, by the names that it gives."""
    group = opened.get("model_weights", opened)
    for layer in _words(group, "layer_names"):
        for name in _words(group[layer], "weight_names"):
            yield name, group[layer][name]


def _words(group: Any, key: str) -> Iterator[str]:  # an h5py group
    """The words of an attribute, which Keras parts into ``key0``, ``key1``, ... where it is long
    (keras/src/legacy/saving/legacy_h5_format.py, ``load_attributes_from_hdf5_group``).
    """
    parts = (f"{key}{at}" for at in itertools.count())
    keys = [key] if key in group.attrs else itertools.takewhile(group.attrs.__contains__, parts)
    for each in keys:
        for word in group.attrs[each]:
            yield word.decode() if isinstance(word, bytes) else str(word)


def _everywhere(opened: Any) -> Iterator[tuple[str | None, Any]]:  # h5py's own types
    import h5py

    found: list[Any] = []
    opened.visititems(
        lambda _, item: found.append(item) if isinstance(item, h5py.Dataset) else None
    )
    for dataset in found:
        yield None, dataset


def _described(name: str | None, dataset: Any) -> dict[str, Any]:  # an h5py dataset
    is_plain = dataset.chunks is None and dataset.dtype.byteorder in ("=", "<", "|")
    return {
        "place": str(dataset.name).lstrip("/"),
        "name": name,
        "dtype": dataset.dtype.name,
        "shape": [int(dim) for dim in dataset.shape],
        "offset": dataset.id.get_offset() if is_plain else None,
    }


if __name__ == "__main__":
    main(sys.argv[1])
