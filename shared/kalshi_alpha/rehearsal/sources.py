"""The source twin: the public offices on loopback, telling what was known at the twin's time.

One address holds them all: below it, the first part of a path is the host's name as in
``venues.macro.sources.HOSTS``. What goes wrong at an office can be made to.
"""

from __future__ import annotations

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, Self
from urllib.parse import parse_qsl, urlsplit

from kalshi_alpha.clock import Clock
from kalshi_alpha.errors import InvariantBroken
from kalshi_alpha.rehearsal.recorded_figures import told, truth
from kalshi_alpha.rehearsal.source_wires import ANSWERS, Answer, Asked
from kalshi_alpha.venues.macro import voices
from kalshi_alpha.venues.macro.gasoline import AAA_SERIES
from kalshi_alpha.venues.macro.vintages import Shelf

__all__ = ["SourceTwin", "hand_over", "truth"]

Fault = Literal["down", "page", "quota"]
_FAULTS: dict[str, Answer] = {
    "down": Answer(503, "text/plain", b"Service Unavailable"),
    "page": Answer(200, "text/html", b"<!DOCTYPE html><html><body>Maintenance</body></html>"),
    "quota": Answer(429, "text/plain", b"Too Many Requests"),
}


class SourceTwin:
    """The offices, serving from a thread of their own.

    Attributes:
        faults: by host, how it fails: ``down``, a maintenance ``page`` with 200, or ``quota``.
    """

    def __init__(self, clock: Clock, port: int = 0) -> None:
        """Serve what is known by ``clock``; ``port`` 0 is any free one."""
        self._clock, self._port = clock, port
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None
        self.faults: dict[str, Fault] = {}

    def start(self) -> None:
        """Begin to serve."""
        server = ThreadingHTTPServer(("127.0.0.1", self._port), _handler(self))
        server.daemon_threads = True
        self._server = server
        self._thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="sources", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop serving; a second time does nothing."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
        self._server = self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Return the address below which every host lives."""
        if self._server is None:
            raise InvariantBroken("the source twin has no address before it is started")
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, method: str, target: str, body: bytes) -> Answer:
        """Return the answer to a request as of now."""
        parts = urlsplit(target)
        host, _, rest = parts.path.lstrip("/").partition("/")
        if host not in ANSWERS or (method == "POST") != (host == "bls"):
            return Answer(404, "text/plain", b"Not Found")
        if host in self.faults:
            return _FAULTS[self.faults[host]]
        asked = Asked(f"/{rest}", dict(parse_qsl(parts.query)), body)
        return ANSWERS[host](asked, self._clock.now())


def hand_over(shelf: Shelf, clock: Clock) -> None:
    """Keep AAA's past averages as an operator would: its page tells two days and no more."""
    voices.hand_over(shelf, clock, AAA_SERIES, told(AAA_SERIES, clock.now()))


def _handler(twin: SourceTwin) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve(b"")

        def do_POST(self) -> None:
            size = self.headers.get("Content-Length", "0")
            self._serve(self.rfile.read(int(size) if size.isdigit() else 0))

        def _serve(self, body: bytes) -> None:
            answer = twin.answer(self.command, self.path, body)
            mark = f'"{hashlib.sha256(answer.body).hexdigest()[:32]}"'
            same = answer.status == 200 and self.headers.get("If-None-Match") == mark
            content = b"" if same else answer.body
            self.send_response(304 if same else answer.status)
            if answer.status == 200:
                self.send_header("ETag", mark)
            self.send_header("Content-Type", answer.kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing: the twin's log is not the offices'."""

    return Handler
