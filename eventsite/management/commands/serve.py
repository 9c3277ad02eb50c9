"""The command that runs the server, which `make run` calls."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import sys
from argparse import ArgumentParser
from types import FrameType
from typing import Any, NoReturn

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from eventsite import schema, welcome
from eventsite.demo import seeding
from eventsite.workers import SERVER_WORKERS, Workers

GRACE_SECONDS = 3
"""The time that open requests have when the server stops. Long polls and streams of events end at once."""


class Command(BaseCommand):
    help = "Migrate the database and serve, until Ctrl-C."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: 127.0.0.1)")
        parser.add_argument("--port", type=int, default=8000, help="the port to listen on (default: 8000)")
        parser.add_argument("--workers", type=int, default=1, help="the number of processes (default: 1)")
        parser.add_argument(
            "--web-only",
            action="store_true",
            help="only answer requests: the workers run elsewhere (run_projections, run_jobs)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        signal.signal(signal.SIGTERM, _leave)
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
        with _bound(options["host"], options["port"]) as listener:
            self.check(databases=["default"])
            schema.migrate()
            seeding.seed()
            self.stdout.write(welcome.message(_url(listener)))
            self.stdout.flush()
            with Workers(() if options["web_only"] else SERVER_WORKERS):
                _serve(listener, workers=options["workers"])


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(0)


def _bound(host: str, port: int) -> socket.socket:
    """Return a socket that listens already, so that a person who follows the printed link at once is not refused."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CommandError(f"Port {port} is in use. Take another: PORT={port + 1} make run") from None
        raise CommandError(f"Can't listen on {host}:{port}: {error.strerror}") from None


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - shown, not bound
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _serve(listener: socket.socket, *, workers: int) -> None:
    config = uvicorn.Config(
        "eventsite.asgi:application",
        workers=workers,
        lifespan="on",
        http="eventsite.http_protocol:Protocol",
        log_config=None,
        access_log=False,  # paths hold sign-in links
        forwarded_allow_ips=settings.TRUSTED_PROXIES,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        # A frame is drawn once for all viewers; its compression for each of them would cost more than everything else.
        ws_per_message_deflate=False,
        ws_max_size=1024,  # viewers send nothing
    )
    if workers > 1:
        supervisor = Multiprocess(config, sockets=[listener])
        supervisor.run()
        has_failed = any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes)
    else:
        server = uvicorn.Server(config)
        with contextlib.suppress(KeyboardInterrupt):  # uvicorn sends it again when it has stopped
            server.run(sockets=[listener])
        has_failed = not server.started
    if has_failed:
        raise CommandError("The server could not start; the reason is above.")
