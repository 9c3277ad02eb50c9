"""Terms of the query language."""

from __future__ import annotations


def stream_term(stream: str) -> str:
    """Return the query for the events of a stream, whatever characters its name has."""
    text = stream.replace("\\", "\\\\").replace('"', '\\"')
    return f'stream:"{text}"'
