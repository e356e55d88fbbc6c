"""Read a file behind a URL by ranges, through fsspec."""

from __future__ import annotations

from typing import Any, Final

from onnx_params.errors import DependencyError, FormatError, UnreadableError
from onnx_params.io.sources import too_short

PAGE: Final = 4096  # bytes: remote ranges begin and end at multiples


FIRST_RANGE: Final = 1 << 16  # bytes of the first request


# after a jump over n bytes, n / SHARE are fetched: less than one per cent of what was skipped
SHARE: Final = 128


LONGEST_AFTER_JUMP: Final = 1 << 17


class RemoteSource:
    """A file behind a URL. Pages that were fetched are kept, so that nothing is fetched twice."""

    def __init__(self, url: str) -> None:
        self.label = self.url = url
        self.requests = 0
        self.fetched = 0
        self.notes: list[str] = []
        self._pages: dict[int, bytes] = {}
        self._whole: bytes | None = None
        try:
            import fsspec
        except ImportError as error:
            raise DependencyError.of("a remote file", "fsspec[http]", "remote") from error
        try:
            self._system, self._path = fsspec.core.url_to_fs(url)
        except ImportError as error:
            raise DependencyError(f"{url}: {str(error).partition(chr(10))[0]}") from error
        except Exception as error:  # each file system has kinds of its own
            raise UnreadableError(f"{url}: cannot be read: {reason_of(error)}") from error
        size = self._ask(lambda: self._system.info(self._path)).get("size")
        if size is None:
            self._take_whole(self._ask(lambda: self._system.cat_file(self._path)))
        else:
            self.n_bytes = int(size)

    def read(self, offset: int, length: int) -> bytes:
        stop = offset + length
        if stop > self.n_bytes:
            raise FormatError(too_short(self.label, offset, length, self.n_bytes))
        if self._whole is None:
            first, last = offset // PAGE, (max(stop, offset + 1) - 1) // PAGE
            missing = [page for page in range(first, last + 1) if page not in self._pages]
            if missing:
                self._fetch(missing[0] * PAGE, min((missing[-1] + 1) * PAGE, self.n_bytes))
            if self._whole is None:
                data = b"".join(self._pages[page] for page in range(first, last + 1))
                return data[offset - first * PAGE : stop - first * PAGE]
        assert self._whole is not None
        return self._whole[offset:stop]

    def ahead(self, jump: int) -> int:
        return FIRST_RANGE if not jump else max(PAGE, min(LONGEST_AFTER_JUMP, jump // SHARE))

    def _fetch(self, start: int, stop: int) -> None:
        data = self._ask(lambda: self._system.cat_file(self._path, start, stop))
        if len(data) == self.n_bytes != stop - start:
            self._take_whole(data)
            return
        if len(data) != stop - start:
            raise FormatError(
                f"{self.label}: bytes {start} to {stop} were asked for, {len(data)} came; did the"
                " file change?"
            )
        for at in range(0, len(data), PAGE):
            self._pages[(start + at) // PAGE] = data[at : at + PAGE]

    def _take_whole(self, data: bytes) -> None:
        self._whole = data
        self.n_bytes = len(data)
        self.notes.append(f"the server gives no ranges: all {len(data)} bytes were fetched")

    def _ask(self, call: Any) -> Any:  # whatever the file system answers
        self.requests += 1
        try:
            answer = call()
        except Exception as error:  # each file system has kinds of its own
            raise UnreadableError(f"{self.url}: cannot be read: {reason_of(error)}") from error
        if isinstance(answer, bytes):
            self.fetched += len(answer)
        return answer


def reason_of(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        # fsspec says so of a server that does not answer as well
        is_silent = "Connect" in type(error.__cause__).__name__
        return "the server does not answer" if is_silent else "there is no such file"
    return str(error).strip().partition("\n")[0] or type(error).__name__


def is_url(path: str) -> bool:
    """Whether a path is for fsspec: a scheme and two slashes."""
    return "://" in path
