"""nginx in front of a server of ours, as somebody would set it up who knows the manual."""

import shutil
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

HOST = "mcp.example"
"""The host that requests are forwarded for, unless it is the server's own."""

NO_NGINX = "there is no nginx on PATH or in /usr/sbin"

CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/errors;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_max_body_size 8m;
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/answers;
    fastcgi_temp_path {folder}/unused;
    uwsgi_temp_path {folder}/unused;
    scgi_temp_path {folder}/unused;
    upstream ours {{
        server 127.0.0.1:{upstream};
        keepalive 8;
    }}
    server {{
        listen 127.0.0.1:{port};

        # As the manual of nginx says: connections to the server are kept.
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host {host};
        location /mcp {{
            proxy_pass http://ours;
        }}
        # Whoever is silent for a second is cut off.
        location /impatient/ {{
            proxy_pass http://ours/;
            proxy_read_timeout 1s;
        }}
    }}
    server {{
        listen 127.0.0.1:{plain};

        # Everything as it is without being told: HTTP/1.0, and the server's own name as the host.
        location /mcp {{
            proxy_pass http://127.0.0.1:{upstream};
        }}
        # What comes in pieces is passed on when it is whole, whatever the server says.
        location /held-back/ {{
            proxy_pass http://127.0.0.1:{upstream}/;
            proxy_ignore_headers X-Accel-Buffering;
        }}
        # The name that was asked for is passed on.
        location /for/ {{
            proxy_pass http://127.0.0.1:{upstream}/;
            proxy_set_header Host $http_host;
        }}
    }}
}}
"""


@contextmanager
def nginx_before(upstream: int, folder: Path) -> Generator[tuple[int, int]]:
    """Start nginx and give its ports: with kept connections and all, and with its defaults.

    Skips where there is no nginx.
    """
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.skip(NO_NGINX)
    for name in ("bodies", "answers", "unused"):
        (folder / name).mkdir()
    while True:
        ports = free_port(), free_port()
        configuration = folder / "nginx.conf"
        configuration.write_text(
            CONFIGURATION.format(
                folder=folder, upstream=upstream, port=ports[0], plain=ports[1], host=HOST
            )
        )
        command = [program, "-e", f"{folder}/errors", "-p", f"{folder}", "-c", f"{configuration}"]
        with subprocess.Popen(command) as process:
            try:
                if answers(process, ports[0]):
                    yield ports
                    return
            finally:
                process.terminate()
        errors = (folder / "errors").read_text()
        assert "Address already in use" in errors, errors


def free_port() -> int:
    """Return a port that nobody uses now; somebody may before we do."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
        return port


def answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until something listens there; return False when the process has ended before."""
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return True
        except ConnectionRefusedError:
            time.sleep(0.01)
    return False
