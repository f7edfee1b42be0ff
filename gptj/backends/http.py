"""HTTP to one model's server: connections, patience, and each failure to reach it as what it is."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, NoReturn, TypeVar

import aiohttp

from gptj.backends.address import AddressRefused, Resolver
from gptj.backends.failures import error_in, failure, retry_after_s
from gptj.backends.pace import pace
from gptj.backends.tap import Tap
from gptj.conf import setting
from gptj.exceptions import (
    BackendTimeout,
    BackendUnreachable,
    GenerationError,
    ResponseGarbled,
    StreamIncomplete,
)

KEEP_ALIVE_S = 3.0  # llama.cpp and uvicorn close an idle connection after 5 s, perhaps as we send
QUICK_S = 5.0  # for an answer that needs no model
MAX_BODY_BYTES = 1_048_576  # 1 MiB; of an answer in one piece

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait, in seconds: for a connection, the first token, the next one, and the whole reply."""

    connect_s: float
    first_token_s: float
    gap_s: float
    total_s: float


def patience(total_s: float) -> Patience:
    """Return how long to wait for a model whose replies may take `total_s`, from the settings."""
    return Patience(
        connect_s=setting("GPTJ_CONNECT_TIMEOUT_S"),
        first_token_s=setting("GPTJ_FIRST_TOKEN_TIMEOUT_S"),
        gap_s=setting("GPTJ_GAP_TIMEOUT_S"),
        total_s=total_s,
    )


def quick(patience: Patience) -> Patience:
    """Return how long to wait for what costs the server nothing."""
    return replace(patience, first_token_s=QUICK_S, gap_s=QUICK_S, total_s=2 * QUICK_S)


class Deadline:
    """What remains of one reply's time."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.time() + patience.total_s
        self._next = self._loop.time() + patience.first_token_s
        self._begun = False

    def heard(self) -> None:
        """Something came: from now on the gap counts."""
        self._next = self._loop.time() + self._patience.gap_s
        self._begun = True

    def ending(self, within_s: float) -> None:
        """The reply is whole: what may still come has so long."""
        self._next = self._loop.time() + within_s

    async def wait(self, awaitable: Awaitable[T]) -> T:
        """Await that, within what remains. Raises BackendTimeout."""
        over = self._end <= self._next
        try:
            async with asyncio.timeout_at(min(self._end, self._next)):
                return await awaitable
        except TimeoutError as error:
            raise BackendTimeout(self._over if over else self._late) from error

    def check(self) -> None:
        """Raise BackendTimeout if the whole reply took too long: one whose text never lets up is not waited for."""
        if self._loop.time() > self._end:
            raise BackendTimeout(self._over)

    @property
    def _late(self) -> str:
        if self._begun:
            return f"The model stopped in the middle of its answer for {self._patience.gap_s:g} s."
        return f"The model did not begin to answer within {self._patience.first_token_s:g} s."

    @property
    def _over(self) -> str:
        return f"The whole answer took longer than {self._patience.total_s:g} s."


class Server:
    """One HTTP server; its `url` and `api_key` may change between calls.

    Any event loop may use it; each has connections of its own.
    """

    def __init__(self, url: str, *, api_key: str = "", patience: Patience) -> None:
        self.url = url.rstrip("/")
        self.patience = patience
        self.api_key = api_key
        self._sessions: dict[asyncio.AbstractEventLoop, aiohttp.ClientSession] = {}

    @asynccontextmanager
    async def request(
        self,
        method: str,
        url: str,
        deadline: Deadline,
        payload: Mapping[str, Any] | None = None,
        *,
        last: bool = False,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request; give its answer, which is a success, to be read by `chunks` or `body`.

        The connection is closed when the answer was not read to its end, or if it is the `last` there. Raises
        GenerationError.
        """
        response = await deadline.wait(self._send(method, url, payload, last=last))
        try:
            if response.status != 200:
                await self._refuse(response, deadline)
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise ResponseGarbled("The model's server compresses its answers unasked.")
            yield response
        finally:
            response.close()

    async def chunks(self, response: aiohttp.ClientResponse, deadline: Deadline) -> AsyncGenerator[bytes, None]:
        """Give what has come of a streamed answer: the first at once, then what came in a while together.

        Raises StreamIncomplete, BackendTimeout.
        """
        rate, tap = pace(), Tap(response)
        with rate.reader():
            while chunk := await self._more(response, deadline, tap):
                yield chunk
                tap.shut()
                await rate.pause()

    async def body(self, response: aiohttp.ClientResponse, deadline: Deadline) -> bytes:
        """Return the whole answer. Raises ResponseGarbled if it is more than MAX_BODY_BYTES."""
        held = bytearray()
        while chunk := await self._more(response, deadline):
            held += chunk
            if len(held) > MAX_BODY_BYTES:
                raise ResponseGarbled("The model's server answers with more than 1 MiB.")
        return bytes(held)

    async def close(self) -> None:
        """Close the connections of the event loop that runs, and of every other."""
        here = asyncio.get_running_loop()
        sessions, self._sessions = self._sessions, {}
        for loop, session in sessions.items():
            if loop is here:
                await session.close()
            elif loop.is_running():
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(session.close(), loop))

    @staticmethod
    async def _more(response: aiohttp.ClientResponse, deadline: Deadline, tap: Tap | None = None) -> bytes:
        """Return what has come, or else what comes next; b"" at the end. Raises StreamIncomplete, BackendTimeout."""
        try:
            if tap is not None:
                tap.draw()
            if chunk := response.content.read_nowait():
                deadline.check()
                return chunk
            if tap is not None:
                tap.open()
            return await deadline.wait(response.content.readany())
        except (aiohttp.ClientError, OSError) as error:
            raise StreamIncomplete("The model's server broke off in the middle of its answer.") from error

    async def _send(
        self, method: str, url: str, payload: Mapping[str, Any] | None, *, last: bool
    ) -> aiohttp.ClientResponse:
        headers = {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}
        if last:
            headers["Connection"] = "close"
        try:
            return await self._session().request(method, url, json=payload, headers=headers, allow_redirects=False)
        except AddressRefused as error:
            raise BackendUnreachable("The model's server has a link-local address, which is refused.") from error
        except aiohttp.ConnectionTimeoutError as error:
            raise BackendUnreachable("The model's server does not answer.") from error
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, AddressRefused):
                raise BackendUnreachable("The model's server has a link-local address, which is refused.") from error
            raise BackendUnreachable("The model's server cannot be reached.") from error
        except (aiohttp.ClientResponseError, aiohttp.InvalidURL) as error:
            raise ResponseGarbled("The model's server does not speak HTTP.") from error
        except (aiohttp.ClientError, OSError) as error:
            raise BackendUnreachable("The model's server closed the connection without an answer.") from error

    def _session(self) -> aiohttp.ClientSession:
        """Return the running event loop's session."""
        loop = asyncio.get_running_loop()
        self._sessions = {other: session for other, session in self._sessions.items() if not other.is_closed()}
        if loop not in self._sessions:
            self._sessions[loop] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, resolver=Resolver(), keepalive_timeout=KEEP_ALIVE_S),
                timeout=aiohttp.ClientTimeout(total=None, connect=self.patience.connect_s),
                # Uncompressed, so that a small answer cannot become a large one.
                headers={"Accept-Encoding": "identity"},
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._sessions[loop]

    async def _refuse(self, response: aiohttp.ClientResponse, deadline: Deadline) -> NoReturn:
        """Raise what a failure's status and body say."""
        try:
            error = error_in(await self.body(response, deadline))
        except GenerationError:
            error = {}
        raise failure(response.status, error, retry_after_s=retry_after_s(response.headers))
