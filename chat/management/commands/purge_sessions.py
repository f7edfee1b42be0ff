"""`manage.py purge_sessions`: delete now what is past its retention, as every process does once a day."""

import asyncio
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from chat import process, threads
from chat.relay import relay


class Command(BaseCommand):
    """Delete old sessions with all that is theirs, in database and cache, and tell the tabs that show one."""

    help = "Delete the sessions that nobody has used for RETENTION_DAYS, and all that is theirs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take another retention for this once."""
        parser.add_argument("--days", type=float, default=None, help="instead of RETENTION_DAYS, for this once")

    def handle(self, *args: Any, days: float | None, **options: Any) -> None:
        """Purge. Raises CommandError if no retention is known."""
        days = settings.RETENTION_DAYS if days is None else days
        if days <= 0:
            raise CommandError("Nothing is ever past its retention: set RETENTION_DAYS, or say --days.")
        self.stdout.write(f"{asyncio.run(_purge(days))} sessions were deleted.")


async def _purge(days: float) -> int:
    try:
        deleted = await process.purge(retention_days=days)
        await relay.close()
    finally:
        threads.close()
    return deleted
