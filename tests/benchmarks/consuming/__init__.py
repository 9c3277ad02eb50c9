"""Consumers that take events and settle them: ours, and those of other queues."""
