"""What all servers elsewhere have in common: retries, a breaker, and a look at them now and then."""

import abc
from collections.abc import AsyncGenerator, Sequence

from gptj.backends import address
from gptj.backends.base import Backend
from gptj.backends.watch import Watch
from gptj.resilience import Breaker, guarded, persistently
from gptj.values import Condition, Event, Sampling, State, Turn


class Remote(Backend):
    """A model behind an address; `at` is its URL without the kind of server that stands before the plus sign."""

    def __init__(self, *, alias: str, url: str, api_key: str = "", **options: object) -> None:
        super().__init__(alias=alias, url=url, api_key=api_key, **options)
        self.at = url.partition("+")[2].rstrip("/")
        address.require(self.at)
        self._breaker = Breaker(self.learn)
        self._watch = Watch(self.look, self.learn)

    @abc.abstractmethod
    def answer(self, turns: Sequence[Turn], sampling: Sampling) -> AsyncGenerator[Event, None]:
        """Answer the last turn, in one attempt. Raises GenerationError."""

    @abc.abstractmethod
    async def look(self) -> str:
        """Return what is wrong with the server now, or ""."""

    def stream(self, turns: Sequence[Turn], sampling: Sampling) -> AsyncGenerator[Event, None]:
        """Answer the last turn. Raises GenerationError."""
        own = self.own(sampling)
        return guarded(self._breaker, persistently(lambda: self.answer(turns, own)))

    async def start(self) -> None:
        """Begin to look at the server now and then."""
        self._watch.start()

    async def close(self) -> None:
        """Look no more."""
        await self._watch.close()

    def learn(self, wrong: str) -> None:
        """Take on the state in which `wrong` is what is wrong."""
        self.become(State(condition=Condition.DOWN if wrong else Condition.OK, detail=wrong))
