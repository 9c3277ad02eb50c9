"""The parts of a page's HTML that tests look for."""

from __future__ import annotations

import re


def positions(page: str) -> list[int]:
    return [int(each) for each in re.findall(r'data-position="(\d+)"', page)]
