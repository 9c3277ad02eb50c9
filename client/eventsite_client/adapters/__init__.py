"""Adapters: what agents of other frameworks do becomes events, with types and data like those of their traces.

Each is a module of its own, and needs its framework: `pip install eventsite-client[langgraph]`.
"""
