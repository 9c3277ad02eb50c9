"""A server that answers as slowly as it can."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n"

_DRIPS = 50


class Dripping:
    """Takes any request, sends `first` at once, and then `rest` each tenth of a second, for five seconds."""

    def __init__(self, first: bytes, rest: bytes) -> None:
        self._first = first
        self._rest = rest
        self._end = threading.Event()

    def __enter__(self) -> Dripping:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._end.set()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            client.recv(65_536)
            client.sendall(self._first)
            for _ in range(_DRIPS):
                if self._end.wait(0.1):
                    return
                client.sendall(self._rest)
