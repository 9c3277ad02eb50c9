"""For tests of your own: a log in memory, which clients take for a server."""

from eventsite_client.testing.fake import FakeLog
from eventsite_client.testing.subscriptions import DeadLetter

__all__ = ["DeadLetter", "FakeLog"]
