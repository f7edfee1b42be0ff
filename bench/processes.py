"""How cost grows with the processes that share the people: one to four, with PostgreSQL and Redis between them.

All processes stand on one core; people, model, PostgreSQL and Redis on another. So it shows what one more process
costs, not what one more core brings.

Run as: python -m bench.processes [--people 200] [--most 4] [--rounds 3] [--json FILE]
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench.measure import medians
from bench.run import DELAY_MS, OTHER_CORE, TOKENS, chat, free_port, measured, running
from bench.stores import postgresql, redis


@contextmanager
def sharing(count: int, model: str) -> Iterator[list[tuple[str, int]]]:
    """Run that many processes of the chat; the value is each one's address and process id."""
    with ExitStack() as stack:
        database, layer = stack.enter_context(postgresql()), stack.enter_context(redis())
        yield [stack.enter_context(chat(model, DATABASE_URL=database, REDIS_URL=layer)) for _ in range(count)]


def one_round(most: int, people: int, model: str) -> list[dict[str, Any]]:
    """Measure one process, two, and so on."""
    rows = []
    for count in range(1, most + 1):
        with sharing(count, model) as processes:
            row = asyncio.run(measured("chat", processes, people)).as_dict()
        rows.append(row | {"processes": count})
        print(f"{count} processes: {row['cpu_ms_per_1000_tokens']:.0f} ms per 1,000 tokens", flush=True)
    return rows


def main() -> None:
    """Measure, and leave the medians; what the rows call the floor is the one process of their round."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--most", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    os.sched_setaffinity(0, {OTHER_CORE})
    port = free_port()
    mock = (sys.executable, "-m", "bench.mock_model", str(port), str(TOKENS), str(DELAY_MS))
    with running(OTHER_CORE, port, *mock):
        model = f"http://127.0.0.1:{port}/v1"
        rows = medians([one_round(options.most, options.people, model) for _ in range(options.rounds)])
    for row in rows:
        figures = " ".join(f"{name}={value:.3g}" for name, value in row.items() if isinstance(value, float))
        print(f"{row['processes']} processes  {row['to_floor']['cpu_ms_per_1000_tokens']:.2f}x  {figures}")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
