"""Somebody who has a copy of the whole database, and tries all 10,000 guesses of a secret of four digits against it.

The secret has a name that nobody else uses (`pin-3fa9c1`), so that digits which are in the database anyway do not
count: the secret is `pin-3fa9c1:4711`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import chain
from typing import Any

from django.db import connection

from events.commitment import SALT_BYTES, commitment, salted
from events.models import Log
from events.types import Append

GUESSES = [f"{n:04}" for n in range(10_000)]
_WINDOW = 16
"""Hexadecimal digits of a hash by which it is known: no code here keeps fewer."""
_RELATIONS = """
    select c.oid::regclass::text, exists (
        select from pg_attribute a where a.attrelid = c.oid and a.attname = 'log_id' and not a.attisdropped)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and c.relkind in ('r', 'p', 'm')"""


def dump(log: Log) -> dict[str, str]:
    """All that the tables of the database have of a log, as text."""
    with connection.cursor() as cursor:
        cursor.execute(_RELATIONS)
        tables = cursor.fetchall()
        assert len(tables) > 20
        texts = {}
        for table, is_of_log in tables:
            where = f"where log_id = {log.pk}" if is_of_log else ""
            cursor.execute(f"select to_jsonb(t)::text from {table} as t {where}")
            texts[table] = "\n".join(text for (text,) in cursor.fetchall())
    return texts


class Guesser:
    """Tries guesses. `appends` makes what was appended, with a guess in the place of the secret."""

    def __init__(self, name: str, appends: Callable[[str], list[Append]]) -> None:
        self._name = name
        known = {*_unsalted("", appends("")), *_kept_digests(appends(""))}
        """What is the same for each guess: it tells nothing."""
        self._guesses: dict[str, str] = {}
        """The guess of each hash that needs no salt."""
        self._digests: dict[bytes, str] = {}
        """The guess of each digest and fingerprint."""
        for guess in GUESSES:
            made = appends(guess)
            self._guesses |= {_known_by(each): guess for each in {*_unsalted(f"{name}:{guess}", made)} - known}
            self._digests |= dict.fromkeys({*_kept_digests(made)} - known, guess)

    def right_guesses(self, text: str) -> set[str]:
        """The guesses that somebody who has a text knows to be right."""
        windows = {window for digits in re.findall(r"[0-9a-f]{16,}", text) for window in _windows(digits)}
        salts = {bytes.fromhex(each) for each in re.findall(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])", text)}
        plain = set(re.findall(rf"{self._name}\W{{1,4}}([0-9]{{4}})", text))
        unsalted = {self._guesses[window] for window in windows & self._guesses.keys()}
        salted_ones = {
            guess
            for salt in salts
            for digest, guess in self._digests.items()
            if _known_by(salted(salt, digest)) in windows
        }
        return plain | unsalted | salted_ones


def _known_by(digest: bytes) -> str:
    return digest.hex()[:_WINDOW]


def _windows(digits: str) -> Iterator[str]:
    return (digits[start : start + _WINDOW] for start in range(len(digits) - _WINDOW + 1))


def _kept_digests(appends: list[Append]) -> Iterator[bytes]:
    """The digests and fingerprints before they are salted."""
    for append in appends:
        yield from (event.digest for event in append.events)
        if append.fingerprint:
            yield append.fingerprint


def _unsalted(secret: str, appends: list[Append]) -> Iterator[bytes]:
    """Whatever can be computed from a guess alone."""
    no_salts = (b"", bytes(SALT_BYTES))
    for digest in _kept_digests(appends):
        yield digest
        yield from (salted(salt, digest) for salt in no_salts)
    texts = {secret, json.dumps(secret)}
    for event in chain.from_iterable(append.events for append in appends):
        yield from (commitment(salt, event.data, event.metadata) for salt in no_salts)
        texts |= {event.data, event.metadata, *_parts(json.loads(event.data))}
    for text in texts:
        yield sha256(text.encode()).digest()


def _parts(value: Any) -> Iterator[str]:
    """The texts of a value and of its members, as a projection may hash them."""
    yield json.dumps(value, sort_keys=True)
    if isinstance(value, str):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _parts(part)
