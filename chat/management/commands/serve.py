"""`manage.py serve`: Daphne, started from Python so that the process's own start and drain run."""

import asyncio
import fcntl
import resource
import signal
from argparse import ArgumentParser
from pathlib import Path
from typing import IO, Any

from channels.routing import get_default_application
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from chat import garbage, heap
from chat.lean import load_daphne

OPEN_FILES = 65_536  # at most; each socket is one

STOP_S = 2.0  # for what serves connections to end, when the process goes down


class Command(BaseCommand):
    """Serve the chat at HOST and PORT until SIGTERM or Ctrl-C."""

    help = "Serve the chat at HOST and PORT."
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the address from the command line too."""
        parser.add_argument("--host", default=settings.HOST)
        parser.add_argument("--port", type=int, default=settings.PORT)

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        """Run Daphne. Raises CommandError if it cannot listen, or is not alone where it should be."""
        heap.share_one_heap()
        heap.read_little_at_once()
        load_daphne()
        from twisted.internet import reactor  # noqa: PLC0415 (it is installed by now)

        from chat.daphne import Server, cap_bodies, send_promptly  # noqa: PLC0415
        from chat.process import process  # noqa: PLC0415

        alone = _alone()
        allow_many_sockets()
        address = host.strip("[]").replace(":", "\\:")
        cap_bodies(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        send_promptly()
        server = Server(
            application=get_default_application(),
            endpoints=[f"tcp:port={port}:interface={address}"],
            signal_handlers=False,
            ready_callable=lambda: _run(process.start(), process.drain, reactor),
            http_timeout=60,
            ping_interval=20,
            ping_timeout=20,
            websocket_timeout=43_200,
            websocket_connect_timeout=5,
            # Autobahn holds what goes out to the same bound; a whole reply must fit (at most 3 bytes a code unit).
            websocket_max_message_size=max(131_072, 4 * settings.LIMITS["reply"]),
            websocket_max_frame_size=131_072,
            application_close_timeout=10,
            server_name=None,
            verbosity=1,
        )
        self.stdout.write(f"Serving at http://{host}:{port}  (Ctrl-C stops it)")
        server.run()
        del alone
        if not server.listening_addresses:
            raise CommandError(
                f"Cannot listen at {host}:{port}: it is in use, or not an address of this machine. Set PORT."
            )


def allow_many_sockets() -> None:
    """Raise the limit on open files, of which many systems give a process 1,024, as far as it may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _alone() -> IO[bytes] | None:
    """Lock the database's file, where no Redis joins processes; held until this process ends, however that happens.

    SQLite's own locks are of another kind (flock(2) and fcntl(2) do not see each other on Linux).
    """
    path = Path(connection.settings_dict["NAME"])
    if settings.REDIS_URL or connection.vendor != "sqlite" or not path.is_file():
        return None
    file = path.open("rb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise CommandError(f"Another process serves {path}. Set REDIS_URL for both, or end that one.") from error
    return file


def _run(start: Any, drain: Any, reactor: Any) -> None:
    """Start the process on the loop, and let SIGTERM and Ctrl-C drain it before the reactor stops."""
    loop = asyncio.get_event_loop()
    running: set[asyncio.Task[None]] = {loop.create_task(start)}
    garbage.pass_over_what_is_loaded()

    async def go_down() -> None:
        try:
            await drain()
        finally:
            # Daphne waits for every connection's application, however long that takes.
            loop.call_later(STOP_S, reactor.crash)
            reactor.stop()

    def stopped() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)  # a second one ends it at once
        running.add(loop.create_task(go_down()))

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped)
