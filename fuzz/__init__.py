"""Break our peers and anybody's."""
