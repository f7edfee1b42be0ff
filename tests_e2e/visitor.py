"""A visitor without a browser: the HTTP API with its cookies, and WebSocket frames as they are on the wire."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

WAIT_S = 20

Frame = dict[str, Any]


class Socket:
    """One tab's connection: sends frames, waits for frames."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.seen: list[Frame] = []

    def send(self, frame: Frame | str | bytes) -> None:
        """Send a frame; text and bytes go as they are."""
        self._connection.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))

    def receive(self, type_: str, fits: Callable[[Frame], bool] = lambda _: True, *, within_s: float = WAIT_S) -> Frame:
        """Return the next frame of this type that fits; others are kept in `seen`. Raises TimeoutError."""
        until = time.monotonic() + within_s
        while True:
            try:
                frame: Frame = json.loads(self._connection.recv(timeout=max(0.0, until - time.monotonic())))
            except TimeoutError:
                raise TimeoutError(f"No {type_} within {within_s} s; the last were {self.seen[-5:]}") from None
            self.seen.append(frame)
            if frame["type"] == "ping":
                self.send({"type": "pong", "nonce": frame["nonce"]})
            if frame["type"] == type_ and fits(frame):
                return frame

    def say(self, text: str) -> str:
        """Send a message and return the id of the reply to it, as soon as that is known."""
        client_id = str(uuid4())
        self.send({"type": "send", "client_id": client_id, "text": text})
        said: str = self.receive("ack", lambda frame: frame["client_id"] == client_id)["message"]
        reply: str = self._reply_to(said)["id"]
        return reply

    def _reply_to(self, said: str) -> Frame:
        for frame in self.seen:
            if frame["type"] == "message" and frame["message"]["parent"] == said:
                return dict(frame["message"])
        return dict(self.receive("message", lambda frame: frame["message"]["parent"] == said)["message"])

    def ended(self, reply: str, *, within_s: float = WAIT_S) -> Frame:
        """Return the reply when it is neither queued nor being written."""
        running = {"queued", "streaming"}
        frame = self.receive(
            "message",
            lambda frame: frame["message"]["id"] == reply and frame["message"]["status"] not in running,
            within_s=within_s,
        )
        return dict(frame["message"])

    def close_code(self) -> int:
        """Wait until the server ends the connection, and return the code it gives."""
        try:
            while True:
                self.seen.append(json.loads(self._connection.recv(timeout=WAIT_S)))
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006


class Visitor:
    """A browser's cookies, without the browser."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = requests.Session()
        self.http.get(f"{url}/api/me", timeout=WAIT_S).raise_for_status()

    def call(self, method: str, path: str, *, csrf: bool = True, **arguments: Any) -> requests.Response:
        """Call the HTTP API."""
        headers = {"X-CSRFToken": self.http.cookies["csrftoken"]} if csrf else {}
        return self.http.request(method, f"{self.url}{path}", headers=headers, timeout=WAIT_S, **arguments)

    def open_session(self) -> str:
        """Make a session and return its id."""
        answer = self.call("POST", "/api/sessions", json={"name": "Ada"})
        answer.raise_for_status()
        return str(answer.json()["id"])

    @contextmanager
    def connect(self, session: str, *, origin: str | None = "", hello: bool = True) -> Iterator[Socket]:
        """Open a WebSocket as the page does: from the page's own origin, unless told another or None."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())
        with connect(
            f"{self.url.replace('http', 'ws', 1)}/ws/chat/{session}/",
            origin=self.url if origin == "" else origin,  # type: ignore[arg-type] # a NewType of str
            additional_headers={"Cookie": cookies},
            max_size=None,
        ) as connection:
            socket = Socket(connection)
            if hello:
                socket.send({"type": "hello", "after": 0})
                socket.receive("ready")
                socket.receive("sync", lambda frame: not frame["more"])
            yield socket
