"""The settings of tests: the real ones, on a throw-away Postgres unless DATABASE_URL is set.

EVENTSITE_TEST_POSTGRES names the directory of the Postgres programs (for example `/usr/lib/postgresql/15/bin`); by
default they are the embedded ones. EVENTSITE_TEST_POOLER=1 puts a PgBouncer in transaction mode before Postgres.

With several workers the first process starts the servers, and the others find their addresses in the environment.
"""

from __future__ import annotations

import os

if not os.environ.get("DATABASE_URL"):
    from tests.support import cluster, pooler

    os.environ["DATABASE_URL"] = cluster.start()
    if os.environ.get("EVENTSITE_TEST_POOLER") == "1":
        os.environ["EVENTSITE_POOLER_URL"] = pooler.start(os.environ["DATABASE_URL"])
os.environ.setdefault("SECRET_KEY", "for-tests-only")

from eventsite.settings import *  # noqa: F403
from eventsite.settings import DATABASES

# Tests open and close connections in their own ways; a pool would hold on to the database that is to be dropped.
del DATABASES["default"]["OPTIONS"]["pool"]

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
