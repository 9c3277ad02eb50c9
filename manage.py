#!/usr/bin/env python
"""Django's command line, with the embedded Postgres up for the commands that need a database."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

WITHOUT_DATABASE = {"help", "version", "check", "diffsettings", "collectstatic", "--help", "-h", "--version"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eventsite.settings")
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    from django.core.management import execute_from_command_line

    with ExitStack() as stack:
        if not os.environ.get("DATABASE_URL") and sys.argv[1:] and WITHOUT_DATABASE.isdisjoint(sys.argv):
            start_postgres(stack)
        execute_from_command_line(sys.argv)


def start_postgres(stack: ExitStack) -> None:
    from eventsite.data_dir import DataDir
    from eventsite.embedded_postgres import EmbeddedPostgresError, running

    directory = os.environ.get("EVENTSITE_DATA_DIR") or Path(__file__).resolve().parent / "var"
    try:
        stack.enter_context(running(DataDir.at(Path(directory))))
    except (EmbeddedPostgresError, OSError) as error:
        sys.exit(f"The embedded Postgres can't be used: {error}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
