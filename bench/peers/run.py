"""Every peer in turn beside the floor and the chat: the same load, the same core, ratios to the floor of the run.

Run as: python -m bench.peers.run [--people 50 200] [--rounds 3] [--json FILE]
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bench.load import Connect, Heard, everybody, to_chat, to_floor, visits
from bench.measure import cost, cpu_s, memory_mb, percentile
from bench.peers.lines import to_chainlit, to_gradio
from bench.run import DELAY_MS, OTHER_CORE, ROOT, SERVER_CORE, TOKENS, chat, floor, free_port, running

HERE = Path(__file__).parent
ENVIRONMENTS = ROOT / ".venv" / "peers"

Start = Callable[[str], AbstractContextManager[tuple[str, int]]]


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


SERVERS: Mapping[str, Start] = {
    "floor": floor,
    "chat": chat,
    "Chainlit": chainlit,
    "Chainlit, lean client": partial(chainlit, client="lean"),
    "Gradio": gradio,
    "Gradio, lean client": partial(gradio, client="lean"),
}


async def _connect(server: str, url: str, people: int) -> Connect:
    match server:
        case "floor":
            return to_floor(url)
        case "chat":
            return to_chat(await visits([url], people))
        case "Chainlit" | "Chainlit, lean client":
            return to_chainlit(url)
        case _:
            return to_gradio(url)


async def measured(server: str, url: str, pid: int, people: int) -> dict[str, Any]:
    """Put the load on a server and sum it up; `wait` is from asking to the first token, which the model makes at once.

    A token late or lost is one that the reply has not, so `finished` counts whole replies alone.
    """
    load, _, _ = os.getloadavg()
    heard, used_s = await everybody(people, await _connect(server, url, people), lambda: cpu_s(pid))
    for each in heard:
        each.finished = each.finished and len(each.late_s) == TOKENS
    row = cost(server, heard, used_s=used_s, memory=memory_mb(pid)).as_dict()
    waits = [_waited_ms(each) for each in heard if each.late_s]
    return row | {"wait_p50_ms": percentile(waits, 50), "wait_p99_ms": percentile(waits, 99), "load": load}


def _waited_ms(heard: Heard) -> float:
    return ((heard.first_made or 0.0) + heard.late_s[0] - heard.asked) * 1000


def one_round(people: int, model: str) -> list[dict[str, Any]]:
    """Measure every server once, the floor first."""
    found = []
    for server, start in SERVERS.items():
        with start(model) as (url, pid):
            found.append(asyncio.run(measured(server, url, pid, people)))
            print(found[-1], flush=True)
    return found


def medians(rounds: Sequence[Sequence[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return each server's medians, and how many times the floor's CPU it took, by the median of the rounds' ratios."""
    rows = []
    for own in zip(*rounds, strict=True):
        row = {name: _median([each[name] for each in own]) for name in own[0]}
        ratios = [
            each["cpu_ms_per_1000_tokens"] / beside[0]["cpu_ms_per_1000_tokens"]
            for each, beside in zip(own, rounds, strict=True)
        ]
        rows.append(row | {"to_floor": statistics.median(ratios), "rounds": len(rounds)})
    return rows


def _median(values: Sequence[Any]) -> Any:
    return statistics.median(values) if isinstance(values[0], float) else values[0]


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
    with running(OTHER_CORE, port, *mock):
        for people in options.people:
            rounds = [one_round(people, f"http://127.0.0.1:{port}/v1") for _ in range(options.rounds)]
            results += medians(rounds)
    for row in results:
        print(
            f"{row['server']:>21} {row['people']:>4} people  {row['to_floor']:5.2f}x  "
            f"{row['cpu_ms_per_1000_tokens']:6.0f} ms CPU per 1,000 tokens, first token after "
            f"{row['wait_p50_ms']:.0f} ms (p99 {row['wait_p99_ms']:.0f}), a token "
            f"{row['token_p99_ms']:.0f} ms late at p99, "
            f"{row['finished']:.0%} finished, {row['memory_mb']:.0f} MB"
        )
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
