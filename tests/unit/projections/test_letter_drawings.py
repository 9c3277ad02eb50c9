"""A letter's attempts as a line of time, its own frames, and a day of letters as bars."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from events.subscriptions.letters.letter import Attempt
from projections.dead_letters.views.attempts_line import attempts_line
from projections.dead_letters.views.bars import bars
from projections.dead_letters.views.frames import own_frames

RECORDED = datetime(2026, 1, 31, 12, tzinfo=UTC)


def attempt(number: int, begin: float, end: float, consumer: str = "one") -> Attempt:
    taken, ended = (RECORDED + timedelta(seconds=seconds) for seconds in (begin, end))
    return Attempt(number, "failed", consumer, None, taken, ended, 7, "Boom", "it broke", None, "")


def test_attempts_follow_each_other_and_longer_pauses_have_more_room() -> None:
    line = attempts_line(RECORDED, [attempt(1, 1, 2), attempt(2, 3, 4), attempt(3, 604, 605)])
    first, second, third = line.attempts
    assert [each.waited.total_seconds() for each in line.attempts] == [1, 1, 600]
    assert first.x + first.width == second.waited_from
    assert second.x - second.waited_from < third.x - third.waited_from
    assert (line.dead, line.earlier) == (third.x + third.width, 0)
    assert line.width > line.dead


def test_only_the_last_attempts_are_drawn_and_the_others_are_counted() -> None:
    line = attempts_line(RECORDED, [attempt(n, n, n + 0.5) for n in range(1, 101)])
    assert [each.attempt.attempt for each in line.attempts] == list(range(93, 101))
    assert line.earlier == 92
    assert line.attempts[0].waited == timedelta(seconds=0.5)


def test_clocks_that_disagree_draw_no_negative_pause_and_long_names_are_shortened() -> None:
    [drawn] = attempts_line(RECORDED, [attempt(1, -5, -4, consumer="c" * 200)]).attempts
    assert drawn.waited == timedelta()
    assert drawn.consumer == "c" * 10 + "…"


def test_frames_of_libraries_are_folded() -> None:
    own = '  File "app/mail.py", line 8, in send\n    connect()\n'
    library = '  File "/usr/lib/python3.13/ssl.py", line 9, in read\n    recv()\n    ^^^^\n'
    frames = own_frames(f"Traceback (most recent call last):\n{own}{library}{library}Timeout: no answer\n")
    assert (frames.text, frames.folded, frames.is_cut) == (own.rstrip("\n"), 2, False)


@pytest.mark.parametrize(
    "text", ["", "at send (mail.js:8:3)", '  File "/usr/lib/python3.13/ssl.py", line 9, in read\n    x']
)
def test_what_has_no_own_frame_stays_whole(text: str) -> None:
    frames = own_frames(text)
    assert (frames.text, frames.folded) == (text, 0)


def test_of_a_long_traceback_the_last_lines_are_shown() -> None:
    text = "".join(f'  File "app/a{n}.py", line {n}, in step\n    call()\n' for n in range(1_000))
    frames = own_frames(text)
    assert frames.is_cut
    assert len(frames.text) <= 4_000
    assert text.endswith(f"{frames.text}\n")
    assert frames.text.startswith("  ")


def test_each_hour_of_a_day_has_a_bar_or_a_gap() -> None:
    drawn = bars({0: 4, 23: 1})
    assert drawn.path.startswith("M0 20v-4h3")
    assert "M92 20v-18h3" in drawn.path
    assert drawn.gaps.count("M") == 22
    assert drawn.letters == 5
    assert bars({}).path == ""
