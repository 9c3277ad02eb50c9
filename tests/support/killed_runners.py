"""A process whose runners are killed: `python -m tests.support.killed_runners LOG_ID SEED KILLS`.

Each runner is a fork with a session of its own. It kills itself at a random visit to a random point of its
transactions. The process prints the points at which its runners died.
"""

from __future__ import annotations

import os
import random
import signal
import sys

import django


def work(log_id: int, point: str, visits: int) -> None:
    """Run until the nth visit to a point, and die there; or until everything is done."""
    from projections.materialise import runner as runners
    from tests.support.running import KILLED, declared, until

    visits_left = visits

    def die(visited: str) -> None:
        nonlocal visits_left
        visits_left -= visited == point
        if not visits_left:
            os.kill(os.getpid(), signal.SIGKILL)

    runners._FIRST_BATCH_POSITIONS = runners._MAX_BATCH_POSITIONS = 25
    runner = runners.Runner(logs=[log_id], projections=declared(*KILLED), at=die)
    until(lambda: not runner.turn() and runner.holds(log_id))


def main() -> None:
    log_id, seed, kills = map(int, sys.argv[1:])
    django.setup()
    import tests.support.running  # noqa: F401 - once, not in each fork

    chance = random.Random(seed)
    for _ in range(kills):
        point, visits = chance.choice(("locked", "folded", "stored", "written", "committed")), chance.randrange(1, 5)
        pid = os.fork()
        if not pid:
            work(log_id, point, visits)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        print(point if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
