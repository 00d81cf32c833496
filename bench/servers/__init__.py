"""Servers to be measured: ours, peers, and floors, the least that any server must do."""
