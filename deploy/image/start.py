"""What the container runs: make the key, migrate, serve. One interpreter for all, so that it is quick."""

import os
import socket
import sys
from pathlib import Path

APP = Path(__file__).resolve().parents[2]


def main() -> None:
    """Prepare and serve until SIGTERM."""
    sys.path.insert(0, str(APP))
    os.environ["DJANGO_SETTINGS_MODULE"] = "chatbot_project.settings"
    if os.environ.get("ALLOWED_HOSTS"):
        os.environ["ALLOWED_HOSTS"] = ",".join([os.environ["ALLOWED_HOSTS"], "127.0.0.1", *_own_addresses()])
    if not os.environ.get("SECRET_KEY"):
        from chatbot_project import keys  # noqa: PLC0415 (on the path since a line above)

        try:
            keys.make(Path(os.environ["DATA_DIR"]))
        except OSError as error:
            sys.exit(f"User {os.getuid()} cannot write to DATA_DIR, where a volume belongs: {error}")

    import django  # noqa: PLC0415 (on the path, and with its settings named, since a line above)
    from django.core.management import call_command  # noqa: PLC0415

    django.setup()
    call_command("migrate_locked", skip_checks=False)
    call_command("serve")


def _own_addresses() -> list[str]:
    """Return this container's addresses: who probes its health from outside says one of them as Host."""
    try:
        found = socket.getaddrinfo(socket.gethostname(), None, family=socket.AF_INET)
    except socket.gaierror:
        return []
    return sorted({str(address[0]) for *_, address in found})


if __name__ == "__main__":
    main()
