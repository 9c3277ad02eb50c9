#!/usr/bin/env python
"""Django's command line, with the embedded Postgres up for the commands that need a database."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import ExitStack

from eventsite.version import version

WITHOUT_DATABASE = {"help", "version", "check", "diffsettings", "--help", "-h", "--version"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eventsite.settings")
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    if sys.argv[1:] in (["version"], ["--version"]):  # which Django would answer with its own
        print(version())
        return
    from django.core.management import execute_from_command_line

    with ExitStack() as stack:
        if needs_database(sys.argv[1:]) and not os.environ.get("DATABASE_URL", "").strip():
            start_postgres(stack)
        execute_from_command_line(sys.argv)


def needs_database(words: list[str]) -> bool:
    return bool(words) and words[0] not in WITHOUT_DATABASE and "--help" not in words


def start_postgres(stack: ExitStack) -> None:
    from eventsite.data_dir import DataDir
    from eventsite.embedded_postgres import EmbeddedPostgresError, running

    try:
        stack.enter_context(running(DataDir.configured()))
    except (EmbeddedPostgresError, OSError) as error:
        sys.exit(f"The embedded Postgres can't be used: {error}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
