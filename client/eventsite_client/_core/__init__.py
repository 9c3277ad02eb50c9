"""What both clients share, without any input or output: requests, answers, retries, cursors.

No module here sends or waits. So each of them is tested with values alone.
"""
