"""`manage.py doctor`: look at every part, say what is well, and what to do about what is not."""

import asyncio
import dataclasses
import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from chat import threads
from chat.doctor import Finding, findings


class Command(BaseCommand):
    """Exit status 1 if anything is not well."""

    help = (
        "Look at models, database, migrations, cache, channel layer and origins; say what to do about what is not well."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the public URL, and how to report."""
        parser.add_argument("--url", default="", help="also open a WebSocket through this public URL")
        parser.add_argument(
            "--quick", action="store_true", help="do not wait 15 s to see whether Redis keeps connected"
        )
        parser.add_argument("--json", action="store_true", help="print a list of findings for a program")

    def handle(self, *args: Any, url: str, quick: bool, json: bool, **options: Any) -> None:
        """Print each finding as it is made."""
        found = asyncio.run(self._look(url, quick=quick, quiet=json))
        if json:
            self.stdout.write(_as_json(found))
        if not all(finding.well for finding in found):
            sys.exit(1)

    async def _look(self, url: str, *, quick: bool, quiet: bool) -> list[Finding]:
        found = []
        try:
            async for finding in findings(public_url=url, idle=not quick):
                found.append(finding)
                if not quiet:
                    self._say(finding)
        finally:
            threads.close()
        return found

    def _say(self, finding: Finding) -> None:
        mark = self.style.SUCCESS("well    ") if finding.well else self.style.ERROR("not well")
        self.stdout.write(f"{mark}  {finding.part}: {finding.seen}")
        if finding.fix:
            self.stdout.write(f"          {finding.fix}")


def _as_json(found: list[Finding]) -> str:
    return json.dumps([dataclasses.asdict(finding) for finding in found], indent=2)
