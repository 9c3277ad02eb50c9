"""Parameters and answers of states and replays."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from eventsite_client._core.requests import Request, get
from eventsite_client.errors import ProjectionFailed
from eventsite_client.types import Found, ReplayKind


def moment(time: datetime | str | None) -> str | None:
    """Return a time as the API takes it.

    Raises:
        ValueError: it has no zone.
    """
    if not isinstance(time, datetime):
        return time
    if time.tzinfo is None:
        raise ValueError(f"The time {time} has no zone.")
    return time.isoformat()


def replay_params(kind: ReplayKind, name: str) -> dict[str, Any]:
    """Return the parameters that name the source of a replay."""
    return {"q" if kind == "query" else "name": name}


def seek_request(kind: ReplayKind, name: str, **params: Any) -> Request[dict[str, Any]]:
    """Return the request of a seek. Its answer is the step, or the job of a long seek."""
    path = f"/replays/{kind}/seek"
    return replace(get(path, dict[str, Any], **params, **replay_params(kind, name)), takes_job=True)


def running_job(answer: dict[str, Any]) -> int | None:
    """Return the id of the job that seeks on; None if the seek is over."""
    return int(answer["id"]) if answer.get("status") in ("queued", "running") else None


def found_of(answer: dict[str, Any]) -> Found:
    """Return the result of a seek, from its answer or from its job.

    Raises:
        ProjectionFailed: the job failed, or was cancelled.
    """
    if "status" not in answer:
        event = answer["event"]
        position = event["position"] if event else None
        return Found(
            place=answer["place"],
            position=position,
            searched_to=answer["searched_to"],
            error_position=answer["error_position"],
        )
    if answer["status"] != "done":
        raise ProjectionFailed(
            f"The seek was {answer['status']}: {answer['error']}", code="seek-failed", members=answer
        )
    result = answer["result"]
    step, failure = result["found"] or {}, result["failed"] or {}
    return Found(
        place=step.get("place"),
        position=step.get("position"),
        searched_to=result["searched_to"],
        error_position=failure.get("position"),
    )
