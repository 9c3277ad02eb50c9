"""Dead letters over HTTP: listed, looked up with the state that their consumer saw, and decided about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from events.models import Log, Scope
from projections.dead_letters.api.schemas import MAX_IDS
from projections.jobs import queue
from projections.models import Checkpoint, Parked
from tests.support.consumers import QUICK, WORK, place, settle, take

LETTERS = "/api/dead-letters"
DECIDE = f"{LETTERS}/decide"
ERROR = {"type": "Timeout", "message": "after 30 s", "traceback": 'File "/app/pay.py", line 3, in charge'}


async def bury(client: httpx2.AsyncClient, *streams: str, **settings: Any) -> None:
    """Make a subscription, and dead letters of an event in each stream."""
    await client.put(WORK, json={**QUICK, **settings})
    for stream in streams:
        await place(client, stream)
    await settle(client, "poison", *await take(client), error=ERROR)


async def ids(client: httpx2.AsyncClient, **query: Any) -> list[str]:
    answer = await client.get(LETTERS, params=query)
    assert answer.status_code == 200, answer.text
    return [letter["id"] for letter in answer.json()["dead_letters"]]


async def decide(client: httpx2.AsyncClient, decision: str, *ids: str, **fields: Any) -> httpx2.Response:
    return await client.post(DECIDE, json={"decision": decision, **({"ids": ids} if ids else {}), **fields})


@pytest.fixture
def parked_key(log: Log) -> Callable[[str, int], None]:
    """Park a key of the projection `latest` at an event."""

    def park(key: str, position: int) -> None:
        Checkpoint.objects.get_or_create(
            log=log,
            projection="latest",
            build=1,
            defaults={
                "version": 1,
                "fingerprint": "f",
                "is_live": True,
                "started_at": timezone.now(),
                "seen": 1_000,
            },
        )
        Parked.objects.create(
            log=log,
            projection="latest",
            build=1,
            key=key,
            position=position,
            since=timezone.now(),
            error="TypeError: amount is text",
            traceback='  File "/app/fold.py", line 7, in fold\n',
        )

    return park


async def test_letters_are_listed_and_selected(worker: httpx2.AsyncClient) -> None:
    await bury(worker, "order-1", "order-2", "order-3")
    assert await ids(worker) == ["work:4", "work:3", "work:2"]
    answer = (await worker.get(LETTERS, params={"limit": 2})).json()
    assert answer["next"] == "work:3"
    assert await ids(worker, after=answer["next"]) == ["work:2"]
    letter = answer["dead_letters"][0]
    assert letter["error"] == {"type": "Timeout", "message": "after # s", "frame": "/app/pay.py in charge"}
    assert (letter["key"], letter["state"], letter["attempts"], letter["holds"]) == ("order-3", "open", 1, True)
    assert await ids(worker, q="stream:order-2") == ["work:3"]
    assert await ids(worker, subscription="other") == []
    assert await ids(worker, fault=letter["fault"]) == ["work:4", "work:3", "work:2"]
    await decide(worker, "skip", "work:2")
    assert await ids(worker, state="skipped") == ["work:2"]


async def test_a_letter_shows_its_attempts_and_the_state_that_its_consumer_saw(worker: httpx2.AsyncClient) -> None:
    await place(worker, type="Other", data={"total": 1.5})
    await worker.put(WORK, json=QUICK)
    await place(worker, data={"total": 2})
    await place(worker, type="Other", data={"total": 3})
    [delivery] = await take(worker)
    await settle(worker, "poison", delivery, error=ERROR)
    answer = await worker.get(f"{LETTERS}/work:3")
    body = answer.json()
    assert body["dead_letter"]["id"] == "work:3"
    [attempt] = body["attempts"]
    assert (attempt["head"], attempt["consumer"], attempt["message"]) == (4, "one", "after 30 s")
    assert attempt["traceback"] == ERROR["traceback"]
    assert body["event"]["data"] == {"total": 2}
    before = body["state_before"]
    assert (before["kind"], before["name"], before["place"], before["state"]) == (
        "stream",
        "order-1",
        1,
        {"total": 1.5},
    )
    assert before["url"].endswith("/replay/stream/order-1/1?by=latest")
    assert (await worker.get(f"{LETTERS}/work:9")).status_code == 404
    assert (await worker.get(f"{LETTERS}/nothing")).status_code == 404


@pytest.mark.parametrize(
    ("order_by", "kind", "name"),
    [("workflow", "workflow", "run-1"), ("agent", "agent", "router"), ("/total", "stream", "order-1")],
)
async def test_the_state_is_that_of_the_events_of_the_key(
    worker: httpx2.AsyncClient, order_by: str, kind: str, name: str
) -> None:
    await worker.put(WORK, json={**QUICK, "order_by": order_by})
    await place(worker, data={"total": 2}, correlation_id="run-1", agent="router")
    await settle(worker, "poison", *await take(worker))
    before = (await worker.get(f"{LETTERS}/work:2")).json()["state_before"]
    assert (before["kind"], before["name"], before["place"]) == (kind, name, 0)


async def test_a_letter_says_that_its_projection_does_not_exist(worker: httpx2.AsyncClient) -> None:
    await bury(worker, "order-1", projection="lastest")
    [id] = await ids(worker)
    letter = (await worker.get(f"/api/dead-letters/{id}")).json()
    assert letter["state_before"]["state"] is None
    assert letter["state_before"]["failure"] == "There is no projection 'lastest'."


async def test_decisions_about_few_letters_are_answered_at_once(worker: httpx2.AsyncClient) -> None:
    await bury(worker, "order-1", "order-2", "order-3", "order-3")
    answer = await decide(worker, "escalate", "work:2", to="bo", note="ask the bank")
    assert answer.json() == {"results": [{"id": "work:2", "result": "decided", "state": "escalated"}]}
    letter = (await worker.get(f"{LETTERS}/work:2")).json()["dead_letter"]
    assert (letter["assigned_to"], letter["note"], letter["decided_by"]) == ("bo", "ask the bank", "overseer")

    answer = await decide(worker, "retry", "work:3", "work:2", "work:9")
    results = {each["id"]: (each["result"], each["state"]) for each in answer.json()["results"]}
    assert results["work:2"] == results["work:3"] == ("decided", "retrying")
    assert results["work:9"] == ("no-such-letter", None)
    again = [await take(worker, limit=1), await take(worker, limit=1)]
    assert [(each["position"], each["attempt"]) for [each] in again] == [(2, 2), (3, 2)]

    answer = await decide(worker, "skip", where={"q": "stream:order-3 key:order-3 error:*"})
    assert [each["id"] for each in answer.json()["results"]] == ["work:4"]
    assert [each["position"] for each in await take(worker)] == [5]


async def test_many_letters_and_canaries_are_the_work_of_a_job(worker: httpx2.AsyncClient) -> None:
    await bury(worker, "order-1", "order-2")
    answer = await decide(worker, "retry", where={"subscription": "work"}, canary=True)
    assert (answer.status_code, answer.headers["location"]) == (202, f"/api/jobs/{answer.json()['id']}")

    @sync_to_async
    def work() -> None:
        while (job := queue.claim()) and job.pk[1] != answer.json()["id"]:
            pass
        assert job
        queue.do(job)

    await work()
    job = (await worker.get(answer.headers["location"])).json()
    assert (job["result"]["letters"], job["result"]["canary"], job["progress"]) == (2, "work:2", 1)
    assert (await worker.post(f"{answer.headers['location']}/cancel")).json()["status"] == "cancelled"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"decision": "retry"}, "body"),
        ({"decision": "retry", "ids": ["work:1"], "where": {}}, "body"),
        ({"decision": "retry", "ids": ["work"]}, "ids[0]"),
        ({"decision": "retry", "ids": ["work:1"], "to": "bo"}, "to"),
        ({"decision": "escalate", "ids": ["work:1"]}, "to"),
        ({"decision": "escalate", "ids": ["projection:latest:a"], "to": "bo"}, "decision"),
        ({"decision": "skip", "ids": ["work:1"], "canary": True}, "canary"),
        ({"decision": "retry", "ids": ["work:1"], "stop_after": 0}, "stop_after"),
        ({"decision": "skip", "where": {}}, "where"),
        ({"decision": "skip", "where": {"q": ""}}, "where"),
        ({"decision": "skip", "where": {"all": False}}, "where"),
        ({"decision": "skip", "where": {"all": True, "subscription": "work"}}, "where"),
        ({"decision": "skip", "where": {"all": True, "q": "type:A"}}, "where"),
        ({"decision": "skip", "where": {"subscription": "work", "projection": "latest"}}, "where.projection"),
        ({"decision": "skip", "where": {"projection": "latest", "q": "key:a"}}, "where.q"),
        ({"decision": "skip", "where": {"state": "done"}}, "where.state"),
        ({"decision": "forget", "ids": ["work:1"]}, "decision"),
    ],
)
async def test_an_order_is_checked(worker: httpx2.AsyncClient, body: dict[str, Any], field: str) -> None:
    answer = await worker.post(DECIDE, json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert (await worker.post(DECIDE, json={"decision": "skip", "where": {"q": "state.a:1"}})).status_code == 422
    for given, status in (([], 422), (["work:1"] * (MAX_IDS + 1), 413)):
        answer = await worker.post(DECIDE, json={"decision": "skip", "ids": given})
        assert (answer.status_code, answer.json()["field"]) == (status, "ids")


async def test_parked_keys_stand_in_the_same_list(
    log: Log, worker: httpx2.AsyncClient, parked_key: Callable[[str, int], None]
) -> None:
    await bury(worker, "order-1", "order-2")
    for key, position in (("order-1", 2), ("order-2", 3)):
        await sync_to_async(parked_key)(key, position)
    assert await ids(worker) == ["work:3", "work:2", "projection:latest:order-1", "projection:latest:order-2"]
    for limit in (1, 2, 3):
        listed: list[str] = []
        after: str | None = ""
        while after is not None:
            query = {"limit": limit, **({"after": after} if after else {})}
            page = (await worker.get(LETTERS, params=query)).json()
            listed += [each["id"] for each in page["dead_letters"]]
            after = page["next"]
        assert listed == await ids(worker)
    assert await ids(worker, projection="latest", q="stream:order-2") == ["projection:latest:order-2"]

    body = (await worker.get(f"{LETTERS}/projection:latest:order-1")).json()
    letter = body["dead_letter"]
    assert letter["error"] == {"type": "TypeError", "message": "amount is text", "frame": "/app/fold.py in fold"}
    assert (letter["subscription"], letter["projection"], letter["position"]) == (None, "latest", 2)
    assert (body["attempts"], body["state_before"]["name"]) == ([], "order-1")

    answer = await decide(worker, "skip", "projection:latest:order-1", "projection:latest:x")
    results = {each["id"]: each["result"] for each in answer.json()["results"]}
    assert results == {"projection:latest:order-1": "decided", "projection:latest:x": "no-such-letter"}
    row = await Parked.objects.aget(log=log, key="order-1")
    assert (row.is_retried, row.position) == (True, 3)


@pytest.mark.parametrize(
    ("scopes", "list_status", "decide_status", "sees_event"),
    [
        ((Scope.READ,), 200, 403, True),
        ((Scope.CONSUME,), 200, 403, False),
        ((Scope.SUPERVISE,), 200, 200, False),
        ((Scope.APPEND,), 403, 403, False),
        ((Scope.SUPERVISE, Scope.READ), 200, 200, True),
        ((Scope.ADMIN,), 200, 200, True),
    ],
)
async def test_scopes_say_who_sees_and_who_decides(
    worker: httpx2.AsyncClient,
    make_token: Callable[..., str],
    scopes: tuple[Scope, ...],
    list_status: int,
    decide_status: int,
    sees_event: bool,
) -> None:
    await bury(worker, "order-1")
    worker.headers["Authorization"] = f"Bearer {await sync_to_async(make_token)(*scopes)}"
    assert (await worker.get(LETTERS)).status_code == list_status
    one = await worker.get(f"{LETTERS}/work:2")
    assert one.status_code == list_status
    if list_status == 200:
        body = one.json()
        assert (body["event"] is not None, body["state_before"] is not None) == (sees_event, sees_event)
        assert body["attempts"][0]["message"] == "after 30 s"
    assert (await decide(worker, "skip", "work:2")).status_code == decide_status


async def test_a_token_sees_and_decides_the_letters_of_its_prefix(
    worker: httpx2.AsyncClient, make_token: Callable[..., str], parked_key: Callable[[str, int], None]
) -> None:
    await bury(worker, "order-1", "cart-1")
    for key, position in (("order-1", 2), ("cart-1", 3)):
        await sync_to_async(parked_key)(key, position)
    worker.headers["Authorization"] = f"Bearer {await sync_to_async(make_token)(stream_prefix='cart-')}"
    assert await ids(worker) == ["projection:latest:cart-1"]
    assert (await worker.get(f"{LETTERS}/work:3")).status_code == 404
    assert (await worker.get(f"{LETTERS}/projection:latest:order-1")).status_code == 404
    answer = await decide(worker, "skip", "work:3", "projection:latest:order-1")
    assert {each["result"] for each in answer.json()["results"]} == {"no-such-letter"}
    answer = await decide(worker, "retry", where={"projection": "latest"})
    assert [each["id"] for each in answer.json()["results"]] == ["projection:latest:cart-1"]


async def test_a_token_sees_and_decides_the_letters_of_the_subscriptions_that_it_may_use(
    worker: httpx2.AsyncClient, make_token: Callable[..., str]
) -> None:
    whole_log = worker.headers["Authorization"]
    prefixed = {
        prefix: f"Bearer {await sync_to_async(make_token)(stream_prefix=prefix)}" for prefix in ("order-", "order-1")
    }
    worker.headers["Authorization"] = prefixed["order-"]
    await bury(worker, "order-1")
    for token, is_own in ((whole_log, False), (prefixed["order-1"], False), (prefixed["order-"], True)):
        worker.headers["Authorization"] = token
        assert (await worker.get(WORK)).status_code == (200 if is_own else 403)
        [letter] = await ids(worker) if is_own else ["work:2"]
        assert await ids(worker) == ([letter] if is_own else [])
        assert (await worker.get(f"{LETTERS}/{letter}")).status_code == (200 if is_own else 404)
        [decided] = (await decide(worker, "skip", letter)).json()["results"]
        assert decided["result"] == ("decided" if is_own else "no-such-letter")


async def test_a_token_with_a_prefix_sees_the_jobs_of_its_prefix(
    worker: httpx2.AsyncClient, make_token: Callable[..., str]
) -> None:
    await bury(worker, "order-1", "order-2")
    order = {"decision": "retry", "where": {"all": True}, "canary": True}
    whole = (await worker.post(DECIDE, json=order)).json()["id"]
    worker.headers["Authorization"] = f"Bearer {await sync_to_async(make_token)(stream_prefix='cart-')}"
    ids = ["work:2", "work:3"]
    own = (await worker.post(DECIDE, json={"decision": "retry", "ids": ids, "canary": True})).json()["id"]
    assert [(await worker.get(f"/api/jobs/{job}")).status_code for job in (whole, own)] == [404, 200]
