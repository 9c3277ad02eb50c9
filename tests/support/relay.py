"""A relay between a client and a server, byte by byte, whose connections break at a chosen place."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit

_PIECE_BYTES = 65_536


class Relay:
    """Hands bytes on to a server, in both directions.

    `most_bytes` is the number of bytes of answers after which a connection is cut. The answers of the next
    `lost_answers` connections are thrown away: the server has done what it was asked, and nobody learns of it.
    """

    def __init__(self, upstream: str) -> None:
        address = urlsplit(upstream)
        self._upstream = (address.hostname or "", address.port or 80)
        self.most_bytes: int | None = None
        self.lost_answers = 0
        self.connections = 0
        self._open: list[socket.socket] = []

    def __enter__(self) -> Relay:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Cut all connections."""
        for each in self._open:
            _end(each)
        self._open.clear()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                loses = self.lost_answers > 0
                self.lost_answers -= loses
                threading.Thread(target=self._serve, args=(client, loses), daemon=True).start()

    def _serve(self, client: socket.socket, loses_answer: bool) -> None:
        with suppress(OSError), client, socket.create_connection(self._upstream) as server:
            self._open += [client, server]
            threading.Thread(target=_hand_on, args=(client, server), daemon=True).start()
            if loses_answer:
                server.recv(_PIECE_BYTES)
            else:
                _hand_on(server, client, self.most_bytes)
            _end(client)
            _end(server)


def _hand_on(source: socket.socket, target: socket.socket, most_bytes: int | None = None) -> None:
    left = _PIECE_BYTES if most_bytes is None else most_bytes
    with suppress(OSError):
        while left and (piece := source.recv(min(left, _PIECE_BYTES))):
            target.sendall(piece)
            left -= 0 if most_bytes is None else len(piece)


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
