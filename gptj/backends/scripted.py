"""Answers by a script that a test wrote, and records what it was shown."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from pydantic import Field

from gptj.backends.base import Backend, Condition, Event, Finished, Piece, Sampling, State, Turn
from gptj.options import Options

Step = str | float | int | asyncio.Event | BaseException | Finished
"""A piece of text; a pause in seconds; an event to wait for; what is raised; the end."""


@dataclass(slots=True, kw_only=True)
class Call:
    """One reply: what the model was shown, what it was asked for, and how it went."""

    turns: Sequence[Turn]
    sampling: Sampling
    stopped: bool = False  # its reader went away before the end


class ScriptedOptions(Options):
    """As for all; many at once."""

    concurrency: int = Field(100, ge=1, le=10_000)


class Scripted(Backend):
    """Each reply takes the next script of `scripts`, or `always` when there is none.

    `generators["default"].script("Hel", released, "lo")` writes the next reply: two pieces, the second once the
    asyncio.Event `released` is set. A script that does not end in a Finished or an exception ends in "stop".
    A turn's tokens are its words and one more; a reply's are its pieces.
    """

    options_type = ScriptedOptions
    template = "scripted/1"

    def __init__(self, *, alias: str, url: str, api_key: str = "", **options: object) -> None:
        super().__init__(alias=alias, url=url, api_key=api_key, **options)
        self.always: tuple[Step, ...] = ("Hello", " there.")
        self.calls: list[Call] = []
        self._scripts: deque[tuple[Step, ...]] = deque()
        self._waiting: list[asyncio.Event] = []

    def script(self, *steps: Step) -> None:
        """Write the next reply; the ones written before come first."""
        self._scripts.append(steps)

    def load(self, condition: Condition, *, progress: float | None = None, detail: str = "") -> None:
        """Take on a state, as a real model does when it loads or fails."""
        self.become(State(condition=condition, progress=progress, detail=detail))

    async def called(self, times: int = 1) -> Call:
        """Wait until so many replies were begun; return the last of those."""
        begun = asyncio.Event()
        self._waiting.append(begun)
        while len(self.calls) < times:
            await begun.wait()
            begun.clear()
        self._waiting.remove(begun)
        return self.calls[times - 1]

    async def stream(self, turns: Sequence[Turn], sampling: Sampling) -> AsyncGenerator[Event, None]:
        """Play the next script."""
        steps = self._scripts.popleft() if self._scripts else self.always
        call = Call(turns=tuple(turns), sampling=sampling)
        self.calls.append(call)
        for begun in self._waiting:
            begun.set()
        pieces = 0
        try:
            for step in steps:
                match step:
                    case str():
                        pieces += 1
                        yield Piece(text=step)
                    case BaseException():
                        raise step
                    case asyncio.Event():
                        await step.wait()
                    case Finished():
                        yield step
                        return
                    case _:
                        await asyncio.sleep(step)
        except (GeneratorExit, asyncio.CancelledError):
            call.stopped = True
            raise
        prompt_tokens = sum(await self.count(turns))
        yield Finished(reason="stop", prompt_tokens=prompt_tokens, completion_tokens=pieces, model="scripted")

    async def count(self, turns: Sequence[Turn]) -> list[int]:
        """Words of each turn, and one token more for its label."""
        return [len(turn.text.split()) + 1 for turn in turns]
