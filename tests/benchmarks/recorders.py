"""The Postgres recorder of the `eventsourcing` library, with its lock, and with its database function and no lock."""

from __future__ import annotations

import os
import threading
import time
from uuid import uuid4

import psycopg
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict

from tests.benchmarks import payloads


def make_recorder(schema: str, *, locked: bool) -> PostgresApplicationRecorder:
    """A recorder with its tables in a schema of its own and connections for 64 threads."""
    conninfo = os.environ["DATABASE_URL"]
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(f'create schema "{schema}"')
    parts = {name: str(value) for name, value in conninfo_to_dict(conninfo).items()}
    datastore = PostgresDatastore(
        parts["dbname"],
        parts["host"],
        parts.get("port", "5432"),
        parts["user"],
        "",
        pool_size=1,
        max_overflow=63,
        schema=schema,
        enable_db_functions=not locked,
    )
    recorder = PostgresApplicationRecorder(datastore)
    recorder.create_table()
    return recorder


def recorder_rate(recorder: PostgresApplicationRecorder, *, callers: int, batch: int, seconds: float) -> float:
    """Events a second from this number of threads, each with an originator of its own."""
    written = [0] * callers

    def call(caller: int, stop: float) -> None:
        originator = uuid4()
        while time.perf_counter() < stop:
            done = written[caller]
            recorder.insert_events(
                [StoredEvent(originator, done + n + 1, payloads.TYPE, payloads.data(done + n)) for n in range(batch)]
            )
            written[caller] += batch

    start = time.perf_counter()
    threads = [threading.Thread(target=call, args=(caller, start + seconds)) for caller in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(written) / (time.perf_counter() - start)
