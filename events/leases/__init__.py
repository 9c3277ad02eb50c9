"""Leases: one workflow, one writer.

A lease is held by an agent for some seconds, by the database's clock. Its grant is an event of the server, whose
position is the lease's token: an append that carries the token is refused once a later grant exists. So an agent that
was stopped, and does not know that its lease ran out, can't write into another one's work (docs/decisions/0016).
"""
