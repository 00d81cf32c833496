"""What a server program is told: `[--http PORT [--json | --sse] [--stateless]]`, or else stdio."""

import argparse


def parser() -> argparse.ArgumentParser:
    """Return what reads the options; a program may add its own."""
    made = argparse.ArgumentParser()
    made.add_argument("--http", type=int, metavar="PORT", help="serve on this port of 127.0.0.1")
    form = made.add_mutually_exclusive_group()
    form.add_argument("--json", dest="json_response", action="store_const", const=True)
    form.add_argument("--sse", dest="json_response", action="store_const", const=False)
    made.add_argument("--stateless", action="store_true", help="without legacy sessions")
    return made
