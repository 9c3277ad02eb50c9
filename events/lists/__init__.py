"""The lists of a log's streams and workflows, kept behind the append: a third of its time would go into them.

`keeper.py` follows each log and brings the lists up to date, at most a second late. A read (`reads.py`) adds the events
that the keeper has not come to, so readers see no delay.
"""
