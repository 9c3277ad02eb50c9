"""GH Archive: the public events of GitHub, one a line (gharchive.org, from 2015 on).

A repository is a stream. The payload becomes the data, so that a row shows the change; the rest of the record stands
whole in the metadata. Ids are GitHub's own. The archive has no causes.
"""

from __future__ import annotations

import msgspec

from events.appending.checks import new_event
from events.errors import Invalid
from events.transfer.importers.base import Format, Streamed, by_line
from events.transfer.importers.foreign import read_record, read_time
from events.transfer.importers.members import Fields, integer, members, name_in, text


def parse(line: bytes) -> Streamed:
    record, notes = read_record(line)
    id, type, repository = name_in(record, "id"), text(record, "type"), text(members(record, "repo"), "name")
    for name, value in (("id", id), ("type", type), ("repo.name", repository)):
        if not value:
            raise Invalid(f"{name} is missing.", field=name)
    if "payload" not in record:
        raise Invalid("payload is missing.", field="payload")
    payload = members(record, "payload")
    action = text(payload, "action")
    rest = {name: raw for name, raw in record.items() if name != "payload"}
    occurred_at, time_notes = read_time(record, "created_at")
    source = {"format": FORMAT.name, "record": rest}
    stream = f"repo-{repository}"
    event = new_event(
        stream,
        f"{type}.{action}" if action else type,
        data=bytes(record["payload"]),
        metadata=msgspec.json.encode({"source": source, **time_notes, **notes}),
        id=f"github-{id}",
        agent=text(members(record, "actor"), "login") or None,
        correlation_id=_subject(repository, payload),
        occurred_at=occurred_at,
    )
    return stream, event


def _subject(repository: str, payload: Fields) -> str | None:
    """Return the subject of the event: a pull request or an issue, else the commit that was pushed."""
    for subject in (members(payload, "pull_request"), members(payload, "issue"), payload):
        if number := integer(subject, "number"):
            return f"{repository}#{number}"
    return text(payload, "head") or None


FORMAT = Format(name="github-archive", suffixes=(".json", ".jsonl", ".ndjson"), read=by_line(parse))
