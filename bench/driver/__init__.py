"""A neutral load for MCP servers and clients: prepared bytes, the standard library, no SDK."""
