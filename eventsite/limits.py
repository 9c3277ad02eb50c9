"""The limits of the log, the writer and the tails. Each is set by EVENTSITE_<NAME>."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from eventsite.env import Env

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True)
class Limits:
    """`settings.EVENTSITE`. Sizes are in bytes, times in seconds."""

    event_max_bytes: int = MIB
    """of data, and of metadata"""
    event_max_depth: int = 100
    request_max_events: int = 10_000
    request_max_bytes: int = 16 * MIB
    name_max_length: int = 200
    """characters of a stream, type, agent, id or key"""
    number_max_digits: int = 1_000
    number_max_exponent: int = 1_000
    writer_queue_events: int = 50_000
    writer_queue_bytes: int = 64 * MIB
    writer_flush_events: int = 1_000
    writer_flush_bytes: int = 4 * MIB
    writer_timeout: float = 10.0
    """the time that an append waits for its answer"""
    token_max_streams: int = 100
    """streams of events, long polls and ndjson uploads that a token or person may have open in one process"""
    person_max_sockets: int = 100
    """live pages that a person may have open in one process"""
    runaway_repeats: int = 5
    """events of one agent with the same type and data, and nothing new in between, that make it a runaway"""
    runaway_seconds: float = 30.0
    """the time within which they come"""
    runaway_turns: int = 8
    """events of two agents to and fro without anything new"""
    runaway_workflow_events: int = 10_000
    """events of a workflow that is still no runaway"""
    otel_settle_seconds: float = 7.0
    """the time that the logs of a trace have when its root has ended, before the trace is mapped"""
    otel_silence_seconds: float = 60.0
    """the silence after which a trace is mapped although its root has not come"""
    otel_context_seconds: float = 600.0
    """the time for which a trace is kept after it was mapped, to be read together with what comes late"""
    otel_trace_max_bytes: int = 16 * MIB
    """of a trace that is held; then it is mapped"""
    otel_log_max_bytes: int = 256 * MIB
    """of all traces of a log that are held; then further ones are refused"""
    tail_poll_interval: float = 1.0
    """the delay after which an event is seen if its notification was lost"""

    @classmethod
    def read(cls, env: Env) -> Limits:
        defaults = asdict(cls())
        return cls(**{name: env.number(f"EVENTSITE_{name.upper()}", default) for name, default in defaults.items()})
