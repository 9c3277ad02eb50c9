"""Jobs of people and tokens that lose their rights."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone

from events.access.standing import TokenAccess
from events.access.tokens import hash_of
from events.models import Log, Role, Token
from projections.jobs import queue
from projections.jobs.queue import Beat
from projections.models import Job, JobStatus
from tests.support.factories import make_member
from tests.support.jobs import claim, claimed, ensure, now, silence

pytestmark = pytest.mark.usefixtures("no_other_jobs")


def revoke(token: str) -> None:
    Token.objects.filter(hash=hash_of(token)).update(revoked_at=timezone.now())


def expire(token: str) -> None:
    Token.objects.filter(hash=hash_of(token)).update(expires_at=timezone.now())


def asker_of(token: str) -> str:
    return TokenAccess(Token.objects.get(hash=hash_of(token)).pk).asker


@pytest.mark.parametrize("lose", [revoke, expire])
def test_a_job_ends_when_its_token_is_lost(
    log: Log, kind: str, token: str, lose: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "_BEAT_SECONDS", 0.0)
    beats: list[int] = []

    def work(job: Job, beat: Beat) -> None:
        for n in range(10):
            beat(n)
            beats.append(n)
            if n == 3:
                lose(token)

    queue.register_kind(kind, work)
    job = ensure(log, kind, asker=asker_of(token))
    queue.do(claimed(job))
    assert beats == [0, 1, 2, 3]
    assert (now(job).status, now(job).error) == (JobStatus.CANCELLED, queue.LOST_ACCESS)


def test_a_job_that_waits_is_not_begun_when_its_token_is_lost(log: Log, kind: str, token: str) -> None:
    job = ensure(log, kind, asker=asker_of(token))
    revoke(token)
    assert claim(job) is None
    assert (now(job).status, now(job).error) == (JobStatus.CANCELLED, queue.LOST_ACCESS)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_a_job_ends_when_its_person_no_longer_has_the_role(log: Log, kind: str, role: Role) -> None:
    member = make_member(log, role=Role.ADMIN)
    queue.register_kind(kind, lambda job, beat: None, role=role)
    job = ensure(log, kind, asker=member.asker)
    member.role = Role.VIEWER
    member.save()
    assert bool(claim(job)) is (role == Role.VIEWER)
    silence(job)
    member.delete()
    assert claim(job) is None
    assert now(job).status == JobStatus.CANCELLED
