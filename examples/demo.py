"""`make demo`: a server as a child process, and every line that goes over the wire, explained.

The same server twice, on its standard streams and over HTTP, and in both eras.
"""

from examples import demo_http, demo_stdio


def main() -> None:
    """Play all conversations."""
    print("'>' is said to the server, '<' by it.\n")
    demo_stdio.play()
    demo_http.play()


if __name__ == "__main__":
    main()
