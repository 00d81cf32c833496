"""Fixtures for the tests of immunity."""

from tests.app.conftest import threads

__all__ = ["threads"]
