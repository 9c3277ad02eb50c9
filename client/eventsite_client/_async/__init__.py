"""The client for asyncio. `_sync` is made from this folder by `twin.py`, except for `io.py`."""
