"""How cost grows: SQLite and PostgreSQL with a million messages; every page and query timed, the main ones explained.

At least 122,220 messages, which the sessions and visitors that are looked at come to.

Run as: python -m bench.growth [--messages 1000000] [--rounds 9] [--databases sqlite postgresql] [--json FILE]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from bench.run import ROOT
from bench.stores import postgresql

BEFORE_SEARCH = "0003"  # where messages are written, so that migrating on shows what a database with data pays


@contextmanager
def environment(database: str, folder: Path) -> Iterator[dict[str, str]]:
    """Run a database for as long as it is needed; the value is what a command needs to use it."""
    own = {
        **os.environ,
        "DATA_DIR": str(folder),
        "SECRET_KEY": "for a bench only",
        "GPTJ_URL": "echo://",
        "DJANGO_SETTINGS_MODULE": "chatbot_project.settings",
    }
    if database == "sqlite":
        yield {name: value for name, value in own.items() if name != "DATABASE_URL"}
        return
    with postgresql() as url:
        yield {**own, "DATABASE_URL": url}


def settle(url: str) -> None:
    """Do at once what autovacuum does within minutes: without it, PostgreSQL reads rows beside every index."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def measured(database: str, messages: int, rounds: int) -> dict[str, Any]:
    """Fill a database, and measure it."""
    with tempfile.TemporaryDirectory() as folder, environment(database, Path(folder)) as own:

        def run(*arguments: str) -> str:
            command = [sys.executable, *arguments]
            return subprocess.run(command, cwd=ROOT, env=own, check=True, stdout=subprocess.PIPE, text=True).stdout

        run("manage.py", "migrate", "--verbosity", "0")
        run("manage.py", "migrate", "chat", BEFORE_SEARCH, "--verbosity", "0")
        began = time.monotonic()
        filled = Path(folder, "filled.json")
        filled.write_text(run("-m", "bench.filling", str(messages)))
        filled_s, began = time.monotonic() - began, time.monotonic()
        run("manage.py", "migrate", "--verbosity", "0")
        migrated_s = time.monotonic() - began
        if database == "postgresql":
            settle(own["DATABASE_URL"])
        print(f"{database}: filled in {filled_s:.0f} s, indexed in {migrated_s:.0f} s", flush=True)
        load, _, _ = os.getloadavg()
        found = json.loads(run("-m", "bench.pages", str(filled), str(rounds)))
        return {"database": database, "messages": messages, "migrated_s": round(migrated_s), "load": load, **found}


def show(result: dict[str, Any]) -> None:
    """Print a database's table, what misses its limit marked."""
    for row in result["rows"]:
        mark = "!" if row["median_ms"] > row["limit_ms"] else " "
        print(f"{result['database']:>10} {mark} {row['median_ms']:8.1f} ms  {row['group']}: {row['name']}")
    for group, times in result["growth"].items():
        print(f"{result['database']:>10}   {times:8.2f} times  {group}: 10,000 messages to the fewest")


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = [measured(database, options.messages, options.rounds) for database in options.databases]
    for result in results:
        show(result)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
