"""Every peer in turn beside the floor and the chat: the same load, the same core, ratios to the floor of the run.

Run as: python -m bench.peers.run [--people 50 200] [--rounds 3] [--json FILE]
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bench.load import Connect, Heard, everybody, to_chat, to_floor, visits
from bench.measure import cost, cpu_s, medians, memory_mb, percentile
from bench.peers.lines import to_chainlit, to_gradio
from bench.peers.openwebui import Site, openwebui, site, to_openwebui
from bench.run import DELAY_MS, OTHER_CORE, ROOT, SERVER_CORE, TOKENS, chat, floor, free_port, running

HERE = Path(__file__).parent
ENVIRONMENTS = ROOT / ".venv" / "peers"

Start = Callable[[str], AbstractContextManager[tuple[str, int]]]
Find = Callable[[str, int], Awaitable[Connect]]


@contextmanager
def chainlit(model: str, client: str = "") -> Iterator[tuple[str, int]]:
    """Run Chainlit, with its documentation's client of the model or the `lean` one."""
    port = free_port()
    command = (str(ENVIRONMENTS / "chainlit/bin/chainlit"), "run", str(HERE / "chainlit_app.py"))
    with tempfile.TemporaryDirectory() as folder:
        settings = {"CHAINLIT_APP_ROOT": folder, "MODEL_URL": model, "MODEL_CLIENT": client}
        with running(SERVER_CORE, port, *command, "--headless", "--port", str(port), **settings) as pid:
            yield f"http://127.0.0.1:{port}", pid


@contextmanager
def gradio(model: str, client: str = "") -> Iterator[tuple[str, int]]:
    """Run Gradio, with its documentation's client of the model or the `lean` one."""
    port = free_port()
    command = (str(ENVIRONMENTS / "gradio/bin/python"), str(HERE / "gradio_app.py"), str(port))
    settings = {"MODEL_URL": model, "MODEL_CLIENT": client, "GRADIO_ANALYTICS_ENABLED": "False"}
    with running(SERVER_CORE, port, *command, **settings) as pid:
        yield f"http://127.0.0.1:{port}", pid


def servers(made: Site) -> Mapping[str, tuple[Start, Find]]:
    """Return how each server is started, and how one finds the way to it, for a number of people."""

    async def found(connect: Connect) -> Connect:
        return connect

    async def chat_found(url: str, people: int) -> Connect:
        return to_chat(await visits([url], people))

    def at(to: Callable[[str], Connect]) -> Find:
        return lambda url, _people: found(to(url))

    return {
        "floor": (floor, at(to_floor)),
        "chat": (chat, chat_found),
        "Chainlit": (chainlit, at(to_chainlit)),
        "Chainlit, lean client": (partial(chainlit, client="lean"), at(to_chainlit)),
        "Gradio": (gradio, at(to_gradio)),
        "Gradio, lean client": (partial(gradio, client="lean"), at(to_gradio)),
        "Open WebUI": (partial(openwebui, made=made), at(partial(to_openwebui, tokens=made.tokens))),
    }


async def measured(server: str, find: Find, url: str, pid: int, people: int) -> dict[str, Any]:
    """Put the load on a server and sum it up; `wait` is from asking to the first token, which the model makes at once.

    A token late or lost is one that the reply has not, so `finished` counts whole replies alone.
    """
    start_mb = memory_mb(pid)
    connect = await find(url, people)
    talk = await everybody(people, connect, used=lambda: cpu_s(pid), held=lambda: memory_mb(pid))
    for each in talk.heard:
        each.finished = each.finished and len(each.late_s) == TOKENS
    waits = [_waited_ms(each) for each in talk.heard if each.late_s]
    row = cost(server, talk, start_mb=start_mb).as_dict()
    return row | {"wait_p50_ms": percentile(waits, 50), "wait_p99_ms": percentile(waits, 99)}


def _waited_ms(heard: Heard) -> float:
    return ((heard.first_made or 0.0) + heard.late_s[0] - heard.asked) * 1000


def one_round(people: int, model: str, made: Site) -> list[dict[str, Any]]:
    """Measure every server once, the floor first."""
    rows = []
    for server, (start, find) in servers(made).items():
        with start(model) as (url, pid):
            rows.append(asyncio.run(measured(server, find, url, pid, people)))
            print(rows[-1], flush=True)
    return rows


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, nargs="+", default=[50, 200])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    os.sched_setaffinity(0, {OTHER_CORE})
    port = free_port()
    results: list[dict[str, Any]] = []
    mock = (sys.executable, "-m", "bench.mock_model", str(port), str(TOKENS), str(DELAY_MS))
    model = f"http://127.0.0.1:{port}/v1"
    with running(OTHER_CORE, port, *mock), site(model, max(options.people)) as made:
        for people in options.people:
            results += medians([one_round(people, model, made) for _ in range(options.rounds)])
    for row in results:
        print(
            f"{row['server']:>21} {row['people']:>4} people  {row['to_floor']['cpu_ms_per_1000_tokens']:5.2f}x  "
            f"{row['cpu_ms_per_1000_tokens']:6.0f} ms CPU per 1,000 tokens, first token after "
            f"{row['wait_p50_ms']:.0f} ms (p99 {row['wait_p99_ms']:.0f}), a token "
            f"{row['token_p99_ms']:.0f} ms late at p99, "
            f"{row['finished']:.0%} finished, {row['memory_mb']:.0f} MB"
        )
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
