"""Processes that are killed again and again, while agents are paused and answers get lost, lose and double no event."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from eventsite_client import Client
from tests.support.patience import PATIENCE
from tests.support.transports import Lines

CHECKOUT = Path(__file__).parents[3]
AGENTS = 4
GENERATIONS = 8
PROGRAM = """
import json, os, random, signal, sys, time
import httpx2
from eventsite_client import Client, NewEvent
from eventsite_client._background import held_back, sender, spool_queue

folder, first, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
held_back.FILE_BYTES = spool_queue.FILE_BYTES = 3_000
held_back._PAUSE_SECONDS, sender._LOOK_SECONDS, sender._BATCH_LINES = 0.02, 0.02, 20
chance, paused = random.Random(seed), set()
log = os.open(f"{folder}/log", os.O_RDWR | os.O_APPEND | os.O_CREAT)
ids = {line.split()[0] for line in open(f"{folder}/log")}
requests = chance.randrange(5, 40)


def answer(request):
    global paused, requests
    requests -= 1
    if not requests:
        os.kill(os.getpid(), signal.SIGKILL)
    if chance.random() < 0.1:
        raise httpx2.ConnectError("away")
    if chance.random() < 0.3:
        paused = {agent for agent in range(AGENTS) if chance.random() < 0.6}
    errors, events = [], [json.loads(line) for line in request.content.splitlines()]
    for number, event in enumerate(events, 1):
        if event["id"] not in ids and event["data"] % AGENTS in paused:
            errors.append({"line": number, "code": "paused", "detail": "why"})
        elif event["id"] not in ids:
            ids.add(event["id"])
            os.write(log, f"{event['id']} {event['data']}\\n".encode())
    if chance.random() < 0.1:
        raise httpx2.ReadError("the answer is lost")
    counts = {"appended": len(events) - len(errors), "replayed": 0, "failed": len(errors)}
    return httpx2.Response(200, json={**counts, "errors": errors[:100]})


transport = httpx2.MockTransport(answer)
client = Client("http://testserver", "evt_x", transport=lambda: transport, spool=f"{folder}/spool")
for n in range(first, first + 1_000_000):
    client.log("s", NewEvent("A", n, agent=f"agent-{n % AGENTS}"))
    os.write(1, b"%d\\n" % n)
    time.sleep(0.001)
"""


@pytest.mark.parametrize("seed", range(3))
def test_processes_that_are_killed_again_and_again_lose_and_double_none_and_keep_the_order(
    tmp_path: Path, seed: int
) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (CHECKOUT, CHECKOUT / "client")))}
    returned: list[int] = []
    for generation in range(GENERATIONS):
        first = returned[-1] + 2 if returned else 0  # one more may be in the spool
        arguments = [str(tmp_path), str(first), str(100 * seed + generation)]
        command = [sys.executable, "-c", PROGRAM.replace("AGENTS", str(AGENTS)), *arguments]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        returned += map(int, ended.stdout.split())
    rows = [line.split() for line in (tmp_path / "log").read_text().splitlines()]
    lines = Lines()
    lines.taken += [{"id": id, "data": int(n)} for id, n in rows]
    with Client("http://testserver", "evt_x", transport=lambda: lines, spool=tmp_path / "spool") as client:
        assert client.flush(PATIENCE)
    assert set(lines.data) >= set(returned)
    assert set(Counter(lines.data).values()) == {1}
    for agent in range(AGENTS):
        numbers = [n for n in lines.data if n % AGENTS == agent]
        assert numbers == sorted(numbers)
    assert list((tmp_path / "spool").iterdir()) == []
