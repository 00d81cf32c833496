"""Streamable HTTP: our own server, and what every HTTP transport of ours shares."""
