"""Serve one page to this machine, and tell it to load anew when the files that it shows change.

Nothing else is served: the address has a random token, and a request for another host than this
machine's loopback is refused, so that no web page reaches it through a name of its own.
"""

from __future__ import annotations

import os
import secrets
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import FrameType
from typing import Any, Final

from onnx_params.errors import OnnxParamsError, UnreadableError, system_reason

HOST: Final = "127.0.0.1"
POLL: Final = 0.5  # seconds between two looks at the files
PULSE: Final = 15.0  # seconds between two signs of life to a page that waits
TOKEN_BYTES: Final = 24
HEADERS: Final = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "frame-ancestors 'none'"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)
# of a file: when it was written, its length, which one it is
State = dict[str, tuple[int, int, int] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page, and the files that it was made of."""

    text: str
    paths: tuple[str, ...]


class PageServer(ThreadingHTTPServer):
    """A server of one page."""

    daemon_threads = True

    def __init__(self, port: int, page: Page) -> None:
        self.token = secrets.token_urlsafe(TOKEN_BYTES)
        self.page = page
        self.version = 0
        self.changed = threading.Condition()
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise UnreadableError(f"port {port}: cannot be used: {system_reason(error)}") from error

    @property
    def port(self) -> int:
        """The port that it listens at."""
        return int(self.server_address[1])

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self.port}/{self.token}/"

    def show(self, page: Page) -> None:
        """Serve another page from now on, and say so to those that are open."""
        with self.changed:
            self.page = page
            self.version += 1
            self.changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:  # of socketserver
        """A reader that went away is no error."""


class _Handler(BaseHTTPRequestHandler):
    """Answer for the page and for its events; for nothing else."""

    server: PageServer
    server_version = "onnx-params"
    sys_version = ""

    def do_GET(self) -> None:
        hosts = (f"{HOST}:{self.server.port}", f"localhost:{self.server.port}")
        if self.headers.get("Host") not in hosts:
            self._refuse()
        elif self._is("/"):
            self._give_page()
        elif self._is("/events"):
            self._give_events()
        else:
            self._refuse()

    def _is(self, path: str) -> bool:
        """Whether the request is for this path below the token."""
        wanted = f"/{self.server.token}{path}"
        return secrets.compare_digest(self.path.encode(), wanted.encode())

    def _refuse(self) -> None:
        self.send_response(HTTPStatus.NOT_FOUND)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _begin(self, kind: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        for name, value in HEADERS:
            self.send_header(name, value)

    def _give_page(self) -> None:
        data = self.server.page.text.encode()
        self._begin("text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _give_events(self) -> None:
        """One event when the page changes; the page then loads anew and asks again."""
        seen = self.server.version
        self._begin("text/event-stream")
        self.end_headers()
        while True:
            with self.server.changed:
                self.server.changed.wait(PULSE)
                is_new = self.server.version != seen
            self.wfile.write(b"event: changed\ndata: \n\n" if is_new else b": still here\n\n")
            self.wfile.flush()
            if is_new:
                return

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged: the address is a secret."""


def serve(read: Callable[[], Page], opened: Callable[[str], None], port: int = 0) -> None:
    """Serve what ``read`` makes until the process is interrupted; ``opened`` gets the address.

    Reads again when a file changes; where that fails, the reason goes to stderr, and the page stays
    as it was. Raises what the first ``read`` raises, and :class:`UnreadableError` where the port
    cannot be used.
    """
    page = read()
    state = _state(page.paths)
    server = PageServer(port, page)
    over = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        over.set()

    before = {each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        opened(server.address)
        while not over.wait(POLL):
            now = _state(server.page.paths)
            if now == state:
                continue
            state = now  # before it is read: what is written meanwhile is read again
            try:
                server.show(read())
            except OnnxParamsError as error:
                print(f"onnx-params: {error}", file=sys.stderr)
            else:
                state = {path: now.get(path, at) for path, at in _state(server.page.paths).items()}
    finally:
        server.shutdown()
        server.server_close()
        for each, handler in before.items():
            signal.signal(each, handler)


def _state(paths: Iterable[str]) -> State:
    """What says that a file was written to."""
    found: State = {}
    for path in paths:
        try:
            at = os.stat(path)
        except OSError:
            found[path] = None  # for now: who saves a file often replaces it
        else:
            found[path] = at.st_mtime_ns, at.st_size, at.st_ino
    return found
