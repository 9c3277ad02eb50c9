"""The part of the client that both kinds share, without input or output: requests, answers, retries, cursors.

No module here sends or waits. So each of them is tested with values alone.
"""
