"""The client for threads. It is made from `_async` by `twin.py`, except for `io.py`: change `_async`, then run that."""
