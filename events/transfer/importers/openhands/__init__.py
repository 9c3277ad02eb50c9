"""OpenHands: a coding agent's own event stream, with its causes and its clock.

github.com/All-Hands-AI/OpenHands. `output.jsonl` of an evaluation holds a run a line: its events in `history` (or
`trajectory`), and beside them what came of it. A trajectory is a document that is the list of events alone. A run is
a stream, each of its events kept whole; before it, where a row can show it, stands what lies deep inside. What stands
beside the history is the last event, `run.finished` or `run.failed`.

Three schemas are read: events with an id, a time and a cause; those of 2024, which have none of these and may stand
in pairs of an action and its observation; and those of the SDK, which have a `kind`.

Ids come from the run and the event's own id in it, else from its place in the history. A run that names no instance
is called by its first time, else by a hash of its events.
"""

from __future__ import annotations

from events.transfer.importers.base import Format
from events.transfer.importers.openhands.files import LINE_SUFFIXES, read
from events.transfer.importers.openhands.run import NAME

FORMAT = Format(name=NAME, suffixes=(*LINE_SUFFIXES, ".json"), read=read)
