"""OpenHands: a coding agent's own event stream, with its causes and its clock.

github.com/All-Hands-AI/OpenHands. `output.jsonl` of an evaluation holds a run a line: its events in `history` (or
`trajectory`), and beside them its result. A trajectory is a document that is the list of events alone. A run is a
stream. Each event is kept whole; a few values from deep inside are repeated before it, where a row can show them. The
facts beside the history are the last event, `run.finished` or `run.failed`.

Three schemas are read: events with an id, a time and a cause; events of 2024, which have none of these and may stand
in pairs of an action and its observation; and events of the SDK, which have a `kind`.

Ids come from the run and the event's own id in it, else from its place in the history. A run that names no instance
is named after its first time, else after a hash of its events.
"""

from __future__ import annotations

from events.transfer.importers.base import Format
from events.transfer.importers.openhands.files import LINE_SUFFIXES, read
from events.transfer.importers.openhands.run import NAME

FORMAT = Format(name=NAME, suffixes=(*LINE_SUFFIXES, ".json"), read=read)
