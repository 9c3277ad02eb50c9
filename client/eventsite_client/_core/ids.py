"""Ids of events: UUIDs of version 7, as the server makes them. Those that are made later sort later."""

from __future__ import annotations

import os
import time


def new_id() -> str:
    """Return a new UUIDv7 (RFC 9562): 48 bits of milliseconds, then 74 random bits, which a fork does not repeat."""
    random = os.urandom(10)
    digits = ((time.time_ns() // 1_000_000).to_bytes(6, "big") + random).hex()
    variant = "89ab"[random[2] >> 6]
    return f"{digits[:8]}-{digits[8:12]}-7{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
