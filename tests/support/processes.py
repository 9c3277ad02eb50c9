"""Child processes that do not outlive the tests, not even when those are killed."""

from __future__ import annotations

import ctypes
import signal
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1


def die_with_parent(signal_number: signal.Signals = signal.SIGKILL) -> Callable[[], object] | None:
    """A `preexec_fn`: the kernel sends the child this signal when its parent ends. Linux only; elsewhere None.

    The child can be interrupted even if these tests run in the background of a shell, which ignores SIGINT.
    """
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)

    def prepare() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        libc.prctl(PR_SET_PDEATHSIG, int(signal_number))

    return prepare
