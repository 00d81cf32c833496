"""Calling: a client and its results."""
