"""`python -m tests.benchmarks [name …]`: run the benchmarks and print their tables.

This is not pytest-benchmark, which times one function in one process. Here most measurements are rates of several
processes, compared in interleaved rounds; and a time never fails anything.
"""

from __future__ import annotations

import importlib
import os
import sys
import time

import django

from tests.benchmarks import cluster, machine

NAMES = (
    "appending",
    "guarding",
    "subscribing",
    "tagging",
    "writer",
    "copying",
    "http",
    "python_client",
    "fan_out",
    "live",
    "painted",
    "latency",
    "stock_postgres",
    "reading",
    "reads",
    "query",
    "pages",
    "indexes",
    "folding",
    "projecting",
    "keeping",
    "otel",
    "states",
    "replaying",
)


def main() -> None:
    names = sys.argv[1:] or NAMES
    if unknown := set(names) - set(NAMES):
        sys.exit(f"No such benchmark: {', '.join(sorted(unknown))}. There are {', '.join(NAMES)}.")
    start = time.monotonic()
    os.environ.update(
        DATABASE_URL=cluster.start(), SECRET_KEY="for-benchmarks-only", DJANGO_SETTINGS_MODULE="eventsite.settings"
    )
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    print(machine.description(), flush=True)
    for name in names:
        for table in importlib.import_module(f"tests.benchmarks.{name}").run():
            print(f"\n{table}", flush=True)
        print(f"  {machine.calm()}", flush=True)
    print(f"\n{time.monotonic() - start:.0f} s in all")


if __name__ == "__main__":
    main()
