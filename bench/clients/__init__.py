"""Clients to be measured."""
