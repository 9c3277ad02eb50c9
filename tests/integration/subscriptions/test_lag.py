"""How far subscriptions are behind is noted once a minute, and forgotten after half an hour."""

from __future__ import annotations

from datetime import timedelta

from asgiref.sync import sync_to_async
from django.utils import timezone

from events.engine import Engine
from events.models import Log, Subscription, SubscriptionLag
from events.subscriptions import lag
from tests.support.factories import make_append
from tests.support.subscriptions import Subscribe


async def test_each_minute_has_one_note(engine: Engine, log: Log, subscribe: Subscribe) -> None:
    work = await subscribe(read_to=1)
    await engine.writer.append(log.pk, [make_append("order-1", {}, {}, {})])
    await lag.note(engine.pool)
    first = await lags_of(log, work)
    await lag.note(engine.pool)
    assert (await lags_of(log, work))[:1] == first
    assert first[0].behind == 2
    assert first[0].minute.second == 0
    assert timezone.now() - first[0].minute < timedelta(minutes=2)


async def test_notes_are_forgotten_after_half_an_hour(engine: Engine, log: Log, subscribe: Subscribe) -> None:
    work = await subscribe()
    for minutes in (29, 32):
        at = timezone.now().replace(second=0, microsecond=0) - timedelta(minutes=minutes)
        await SubscriptionLag.objects.acreate(log=log, subscription_id=work.id, minute=at, behind=minutes)
    await lag.note(engine.pool)
    rows = SubscriptionLag.objects.filter(log=log).order_by("minute")
    assert [behind async for behind in rows.values_list("behind", flat=True)][:1] == [29]
    assert await rows.filter(behind=32).acount() == 0


async def lags_of(log: Log, subscription: Subscription) -> list[lag.Lag]:
    return list((await sync_to_async(lag.lags)(log.pk))[subscription.id])
