"""The Postgres of a run: a throw-away cluster, started as `make run` does. Every commit reaches the disk."""

from __future__ import annotations

from eventsite.embedded_postgres.cluster import SETTINGS
from tests.support import cluster

# The recorder of eventsourcing opens a connection for each of 64 threads.
_SETTINGS = {**SETTINGS, "max_connections": "200"}


def start() -> str:
    """Start a cluster that lives as long as this process; return its conninfo."""
    return cluster.start(_SETTINGS)
