"""Serving: registries and what runs them."""
