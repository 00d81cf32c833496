"""Bytes to messages and back: pure data and functions."""
