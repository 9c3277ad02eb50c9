"""A server between an agent and everything that it talks to. It can kill the agent at any of its requests."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from subprocess import Popen
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qs, urlsplit

import httpx2

When = Literal["before", "after"]
_PASSED_ON = ("authorization", "content-type")


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that the middleman gives instead of the server."""

    status: int
    retry_after: int


@dataclass
class Middleman:
    """Hands requests on to an Eventsite. `/charges` is a gateway of its own, which charges once for each key.

    `kill` kills the victim at its nth request: before the request is handed on, or after it was answered, so that the
    victim never learns the answer. The next requests get the `refusals`.
    """

    upstream: str
    victim: Popen[bytes] | None = None
    kill: tuple[int, When] | None = None
    refusals: list[Refusal] = field(default_factory=list)
    charged: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def polled_after(self, position: int) -> bool:
        """Whether a client has asked for events after this position or a later one."""
        polls = [parse_qs(urlsplit(path).query) for path in self.requests if path.startswith("/api/events?")]
        return any(int(poll["after"][0]) >= position for poll in polls)

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> httpx2.Response | None:
        """Answer a request; None if the client that sent it was killed."""
        with self._lock:
            self.requests.append(path)
            self.bodies.append(body)
            number = len(self.requests)
            refusal = self.refusals.pop(0) if self.refusals else None
        if refusal:
            return httpx2.Response(refusal.status, headers={"Retry-After": str(refusal.retry_after)})
        if self._dies(number, "before"):
            return None
        answer = self._charge(headers["idempotency-key"]) if path == "/charges" else self._charge_in_books(path)
        if answer is None:
            passed_on = {name: value for name, value in headers.items() if name.lower() in _PASSED_ON}
            answer = httpx2.request(method, self.upstream + path, headers=passed_on, content=body, timeout=90)
        return None if self._dies(number, "after") else answer

    def _charge(self, key: str) -> httpx2.Response:
        with self._lock:
            if key not in self.charged:
                self.charged.append(key)
        return httpx2.Response(200, content=_books(key))

    def _charge_in_books(self, path: str) -> httpx2.Response | None:
        before, _, key = path.rpartition("/")
        if before != "/charges":
            return None
        with self._lock:
            return httpx2.Response(200 if key in self.charged else 404, content=_books(key))

    def _dies(self, number: int, when: When) -> bool:
        if self.kill != (number, when) or self.victim is None:
            return False
        self.victim.kill()
        self.victim.wait()
        return True


def _books(key: str) -> str:
    return json.dumps({"charge": f"charge of {key}"})


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed takes no answer."""


def _handler(middleman: Middleman) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = middleman.answer(self.command, self.path, self.headers, body)
            if answer is None:
                self.close_connection = True
                return
            self.send_response(answer.status_code)
            for name in ("Retry-After", "Content-Type"):
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_POST = do_PUT = do_GET  # noqa: N815 - the names that are looked for

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler
