"""What a turn takes apart from its tokens: from `send` to `ack`, and to the model's request, at a steady rate.

Run as: python -m bench.turns [--rates 1 50 200] [--json FILE]
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.load import Heard, steadily, to_chat, visits
from bench.measure import percentile
from bench.run import OTHER_CORE, chat, free_port, running, twice
from bench.stores import postgresql

SENDS = 10  # of each person, one a second; as many people as sends a second
LEAST = 30  # of all together


@contextmanager
def on(store: str, model: str) -> Iterator[list[tuple[str, int]]]:
    """Run the chat on that kind of store; the value is its processes."""
    if store == "sqlite":
        with chat(model) as process:
            yield [process]
    elif store == "postgresql":
        with postgresql() as url, chat(model, DATABASE_URL=url) as process:
            yield [process]
    else:
        with twice(model) as processes:
            yield processes


async def measured(processes: Sequence[tuple[str, int]], rate: int) -> list[Heard]:
    """Let people send at that rate."""
    sends = max(SENDS, LEAST // rate)
    return await steadily(rate, sends, to_chat(await visits([url for url, _ in processes], rate)))


def summed(store: str, rate: int, heard: Sequence[Heard]) -> dict[str, object]:
    """Sum a run up, in ms. The mock stamps a reply's first token when the request has come."""
    acks = [each.acknowledged_s * 1000 for each in heard if each.acknowledged_s is not None]
    asked = [(each.first_made - each.asked) * 1000 for each in heard if each.first_made is not None]
    return {
        "store": store,
        "sends_per_s": rate,
        "load": os.getloadavg()[0],
        "finished": sum(each.finished for each in heard) / len(heard),
        **{f"ack_p{percent}_ms": percentile(acks, percent) for percent in (50, 99)},
        **{f"asked_p{percent}_ms": percentile(asked, percent) for percent in (50, 99)},
    }


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rates", type=int, nargs="+", default=[1, 50, 200])
    parser.add_argument("--stores", nargs="+", default=["sqlite", "postgresql", "twice"])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    os.sched_setaffinity(0, {OTHER_CORE})
    port = free_port()
    rows = []
    with running(OTHER_CORE, port, sys.executable, "-m", "bench.mock_model", str(port), "1", "0"):
        for store in options.stores:
            for rate in options.rates:
                with on(store, f"http://127.0.0.1:{port}/v1") as processes:
                    rows.append(summed(store, rate, asyncio.run(measured(processes, rate))))
                print(" ".join(f"{name}={value}" for name, value in rows[-1].items()), flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
