"""Turn the ``location`` of external data into a file that may be read.

The rule is onnxruntime's: the data must lie under the folder that the model was named in, or under
the real folder of the model file once links are resolved (which is how hub caches lie). Source:
onnxruntime, ``tensorprotoutils.cc``, ValidateExternalDataPath.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

from onnx_params.errors import FormatError, MissingDataError, UnreadableError
from onnx_params.io.remote import RemoteSource, is_url
from onnx_params.io.sources import FileSource, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalFile:
    """A file that stored tensors point into; ``n_bytes`` is ``None`` where there is no
    such file.
    """

    location: str
    path: str
    n_bytes: int | None

    def open(self) -> Source:
        """Open it. Raises :class:`MissingDataError` where it is not there."""
        if self.n_bytes is None:
            raise MissingDataError(
                f"{self.path}: does not exist, and contains values that are needed;"
                " put it beside the model"
            )
        if is_url(self.path):
            return RemoteSource(self.path)
        return FileSource(self.path)


def locate(location: str, model_path: str | None) -> ExternalFile:
    """Resolve ``location`` against the model's folder, without opening it.

    Raises :class:`FormatError` where the location is absolute, leaves the folder, or is not a
    regular file.
    """
    if model_path is None:  # a model in memory has no folder
        return ExternalFile(location=location, path=location, n_bytes=None)
    if (
        not location
        or "\0" in location
        or os.path.isabs(location)
        or os.path.splitdrive(location)[0]
    ):
        raise FormatError(
            f"{model_path}: external data at {location!r} is refused: the location must be a"
            " relative path"
        )
    if is_url(model_path):
        return _locate_remote(location, model_path)
    folder = os.path.dirname(model_path) or "."
    path = os.path.join(folder, location)
    real = os.path.realpath(path)
    allowed = (os.path.realpath(folder), os.path.dirname(os.path.realpath(model_path)))
    if not any(real.startswith(root.rstrip(os.sep) + os.sep) for root in allowed):
        raise FormatError(
            f"{model_path}: external data at {location!r} is refused: it leaves the folder of the"
            " model"
        )
    try:
        status = os.stat(real)
    except OSError:
        return ExternalFile(location=location, path=path, n_bytes=None)
    if not stat.S_ISREG(status.st_mode):
        raise FormatError(
            f"{model_path}: external data at {location!r} is refused: it is not a regular file"
        )
    return ExternalFile(location=location, path=path, n_bytes=status.st_size)


def _locate_remote(location: str, model_url: str) -> ExternalFile:
    """The same beside a URL: only names below its folder."""
    parts = location.replace("\\", "/").split("/")
    if ".." in parts or any(mark in location for mark in ("://", "?", "#", "%")):
        raise FormatError(
            f"{model_url}: external data at {location!r} is refused: it leaves the folder of the"
            " model"
        )
    address, mark, query = model_url.partition("?")
    url = (
        "/".join([address.rpartition("/")[0], *(part for part in parts if part not in ("", "."))])
        + mark
        + query
    )
    try:
        return ExternalFile(location=location, path=url, n_bytes=RemoteSource(url).n_bytes)
    except UnreadableError:
        return ExternalFile(location=location, path=url, n_bytes=None)
