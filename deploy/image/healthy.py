"""Ask /healthz on this machine; the exit status says whether it answers. Run often, so it loads next to nothing."""

import os
import socket
import sys

TIMEOUT_S = 8  # below the image's own

try:
    with socket.create_connection(("127.0.0.1", int(os.environ["PORT"])), TIMEOUT_S) as connection:
        connection.settimeout(TIMEOUT_S)
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        status = connection.recv(64).split(b"\r\n")[0]
except OSError as error:
    sys.exit(f"No answer at 127.0.0.1:{os.environ['PORT']}: {error}")
if b" 200 " not in status:
    sys.exit(status.decode("latin-1"))
