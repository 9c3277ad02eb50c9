"""The one Postgres of a run: a throw-away cluster as `make run` starts it. Every commit reaches the disk."""

from __future__ import annotations

from eventsite.embedded_postgres.cluster import SETTINGS
from tests.support import cluster

# eventsourcing's recorder opens a connection for each of 64 threads.
_SETTINGS = {**SETTINGS, "max_connections": "200"}


def start() -> str:
    """Start it for as long as this process lives; its conninfo."""
    return cluster.start(_SETTINGS)
