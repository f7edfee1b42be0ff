"""HTTP by requests, in threads of its own: for servers that answer in one piece, one request at a time."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from http.client import HTTPException, RemoteDisconnected
from typing import Any, TypeVar

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError

from gptj.backends.address import refused
from gptj.backends.failures import error_in, failure, retry_after_s
from gptj.backends.http import MAX_BODY_BYTES, Patience
from gptj.backends.turn import turn
from gptj.exceptions import BackendTimeout, BackendUnreachable, ResponseGarbled, StreamIncomplete

CHUNK_BYTES = 65_536

T = TypeVar("T")


class _Connection(HTTPConnection):
    """Goes to no link-local address, whatever name led there."""

    def _new_conn(self) -> Any:
        return _allowed(self, super()._new_conn())


class _SecureConnection(HTTPSConnection):
    """The same, with TLS."""

    def _new_conn(self) -> Any:
        return _allowed(self, super()._new_conn())


def _allowed(connection: HTTPConnection, sock: Any) -> Any:
    if refused(str(sock.getpeername()[0])):
        sock.close()
        raise NewConnectionError(connection, "link-local")
    return sock


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


class Line:
    """Where calls to one server stand in line: one at a time, in this process and, with a shared cache, in all."""

    def __init__(self, url: str, *, api_key: str, patience: Patience) -> None:
        self._url = url
        self._headers = {"Accept-Encoding": "identity"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self._patience = patience
        self._mine = threading.Lock()

    async def post(self, path: str, parameters: Mapping[str, Any]) -> bytes:
        """Return the body of a successful answer. Raises GenerationError.

        Whoever is cancelled leaves at once; the call keeps its place until the server has really ended it. The time
        in line is not the server's.
        """
        gone = threading.Event()
        loop = asyncio.get_running_loop()

        def count_down() -> None:
            if not gone.is_set():
                limit.reschedule(loop.time() + self._patience.total_s)

        def begin() -> None:
            with contextlib.suppress(RuntimeError):  # the event loop has closed
                loop.call_soon_threadsafe(count_down)

        try:
            async with asyncio.timeout(None) as limit:
                return await _in_a_thread(lambda: self._in_turn(path, parameters, gone, begin))
        except TimeoutError as error:
            raise BackendTimeout(f"The whole answer took longer than {self._patience.total_s:g} s.") from error
        finally:
            gone.set()

    def _in_turn(
        self, path: str, parameters: Mapping[str, Any], gone: threading.Event, begin: Callable[[], None]
    ) -> bytes:
        with self._mine, turn(self._url, gone):
            if gone.is_set():
                return b""
            begin()
            return self._post(path, parameters)

    def _post(self, path: str, parameters: Mapping[str, Any]) -> bytes:
        deadline = time.monotonic() + self._patience.total_s
        with requests.Session() as session:
            session.trust_env = False  # neither a proxy nor a key from a netrc file
            session.mount("http://", _Adapter())
            session.mount("https://", _Adapter())
            try:
                with session.post(
                    self._url + path,
                    params=parameters,
                    headers=self._headers,
                    timeout=(self._patience.connect_s, self._patience.total_s),
                    allow_redirects=False,
                    stream=True,
                ) as response:
                    return _body(response, deadline)
            except requests.ConnectTimeout as error:
                raise BackendUnreachable("The model's server does not answer.") from error
            except requests.Timeout as error:
                raise BackendTimeout("The model's server took too long.") from error
            except requests.ConnectionError as error:
                if _no_http(error):
                    raise ResponseGarbled("The model's server does not speak HTTP.") from error
                raise BackendUnreachable("The model's server cannot be reached.") from error
            except requests.RequestException as error:
                raise ResponseGarbled("The model's server does not speak HTTP.") from error


def _no_http(error: BaseException | None) -> bool:
    """Whether what came was no HTTP, somewhere among the causes that requests wraps."""
    if isinstance(error, HTTPException):
        return not isinstance(error, RemoteDisconnected)
    return error is not None and any(_no_http(cause) for cause in error.args if isinstance(cause, BaseException))


def _body(response: requests.Response, deadline: float) -> bytes:
    """Return a successful answer's body. Raises GenerationError."""
    if response.status_code != 200:
        error = error_in(_read(response))
        raise failure(response.status_code, error, retry_after_s=retry_after_s(response.headers))
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ResponseGarbled("The model's server compresses its answers unasked.")
    held = bytearray()
    while chunk := _read(response):
        held += chunk
        if len(held) > MAX_BODY_BYTES:
            raise ResponseGarbled("The model's server answers with more than 1 MiB.")
        if time.monotonic() > deadline:
            raise BackendTimeout("The model's server took too long.")
    return bytes(held)


def _read(response: requests.Response) -> bytes:
    """Return what has come of an answer, b"" at its end."""
    try:
        return bytes(response.raw.read1(CHUNK_BYTES, decode_content=False))
    except urllib3.exceptions.ReadTimeoutError as error:
        raise BackendTimeout("The model's server took too long.") from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise StreamIncomplete("The model's server broke off in the middle of its answer.") from error


async def _in_a_thread(work: Callable[[], T]) -> T:
    """Run `work` in a daemon thread, which nothing waits for when the process ends."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if done.done():  # its caller has gone
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]  # T's own None, if any

    def run() -> None:
        try:
            outcome: tuple[T | None, BaseException | None] = (work(), None)
        except Exception as error:  # noqa: BLE001 (raised where it is awaited)
            outcome = (None, error)
        with contextlib.suppress(RuntimeError):  # the event loop has closed
            loop.call_soon_threadsafe(settle, *outcome)

    threading.Thread(target=run, name="gptj one piece", daemon=True).start()
    return await done
