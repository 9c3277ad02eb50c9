"""Pauses: an agent or a workflow that is paused appends nothing more, until it is resumed.

A pause is an event of the server and a rule of the log (`rule.py`), so it holds exactly from its event's position on,
in every process. The table `pause` has the positions of the pauses that hold.
"""
