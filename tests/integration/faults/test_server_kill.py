"""`kill -9` of the server under load: acknowledged events are stored, and a retry writes nothing twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from events.access import tokens
from events.models import Log, Scope
from events.reading import store
from tests.support.patience import PATIENCE
from tests.support.server import Server, database_variables

pytestmark = pytest.mark.processes

CLIENTS, APPENDS = 6, 40


@pytest.fixture(params=[1, 2], ids=["one worker", "two workers"])
def own_server(database: None, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    environment = {**database_variables(), "SECRET_KEY": "of-the-server-to-kill"}
    options = ("--workers", str(request.param))
    with Server(environment, log=tmp_path / "log", options=options) as server:
        server.start()
        yield server


def send(client: httpx2.Client, n: int, k: int) -> httpx2.Response:
    body = {"idempotency_key": f"{n}:{k}", "events": [{"type": f"Counted-{k}", "data": {"client": n, "k": k}}] * 2}
    if k % 2:
        body = {"events": [{"id": f"{n}:{k}", "type": f"Counted-{k}", "data": {"client": n, "k": k}}]}
    # What it forbids is its own event: a retry must be known as one before it is asked.
    own_event = {"q": f"stream:counter-{n} type:Counted-{k}", "none_after": 0}
    return client.post(f"/api/streams/counter-{n}/events", json={**body, "if": [own_event]})


def test_kill_9_under_load_loses_and_repeats_nothing(own_server: Server, log: Log) -> None:
    token = tokens.create_token(log, name="load", scopes=[Scope.APPEND, Scope.READ])
    headers = {"Authorization": f"Bearer {token}"}
    acknowledged: dict[tuple[int, int], list[int]] = {}
    enough = threading.Event()

    def work(n: int) -> None:
        with httpx2.Client(base_url=own_server.url, headers=headers, timeout=60) as client:
            for k in range(APPENDS):
                try:
                    answer = send(client, n, k)
                except (httpx2.HTTPError, ValueError):  # the server was killed, perhaps in the middle of an answer
                    return
                assert answer.status_code == 201, answer.text
                acknowledged[n, k] = [event["position"] for event in answer.json()["events"]]
                if len(acknowledged) >= CLIENTS * APPENDS // 3:
                    enough.set()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    assert enough.wait(PATIENCE)
    own_server.kill()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(acknowledged) < CLIENTS * APPENDS, "it was killed too late to prove anything"

    own_server.start()
    with httpx2.Client(base_url=own_server.url, headers=headers, timeout=60) as client:
        for n in range(CLIENTS):
            for k in range(APPENDS):
                answer = send(client, n, k)
                assert answer.status_code in (200, 201), answer.text
                positions = [event["position"] for event in answer.json()["events"]]
                if (n, k) in acknowledged:
                    assert answer.json()["replayed"]
                    assert positions == acknowledged[n, k]

    stored = store.events(log.pk, limit=10 * CLIENTS * APPENDS).fetch()
    assert [event.position for event in stored] == list(range(1, len(stored) + 1))
    assert len(stored) == CLIENTS * (APPENDS // 2) * 3
