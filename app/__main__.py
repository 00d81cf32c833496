"""`python -m barewire` is the `barewire` command."""

import sys

from barewire.cli.main import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
