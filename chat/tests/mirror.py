"""What a client holds of a session, by the rules of the wire: the feed, the message rule, the delta rule. Pure."""

from collections.abc import Sequence
from typing import Any

Frame = dict[str, Any]

MAKING = {"queued", "streaming"}


class Mirror:
    """Applies frames; `lost` says that something was missed and a healing `ping` is due."""

    def __init__(self) -> None:
        self.after = 0
        self.leaf: str | None = None
        self.head_of_sync = 0
        self.session: Frame = {}
        self.messages: dict[str, Frame] = {}
        self.gone = False
        self.lost = False

    def apply(self, frame: Frame) -> None:
        """Take in one frame of the server."""
        match frame["type"]:
            case "ready":
                self._session(frame["session"])
            case "sync":
                self._sync(frame)
            case "message":
                self._message(frame["message"])
                self._counted(frame["message"]["seq"])
            case "delta":
                self._delta(frame)
            case "session" if not self.session or frame["session"]["id"] == self.session["id"]:
                self._session(frame["session"])
                self._counted(frame["session"]["seq"])
            case "pong":
                self.after = max(self.after, frame["head"])
                self.lost = False
            case "gone":
                self.gone = self.gone or frame["session"] == self.session.get("id")
            case _:
                pass

    def load(self, messages: Sequence[Frame]) -> None:
        """Take in what HTTP told."""
        for message in messages:
            self._message(message)

    def _counted(self, seq: int) -> None:
        if seq == self.after + 1:
            self.after = seq
        elif seq > self.after:
            self.lost = True

    def _session(self, session: Frame) -> None:
        if session["seq"] >= self.session.get("seq", 0):
            self.session = session
            self.leaf = session["leaf"]

    def _sync(self, frame: Frame) -> None:
        if frame["reset"]:
            self.messages.clear()
        for message in frame["messages"]:
            self._message(message)
        if not frame["more"]:
            self.after = frame["head"] if frame["reset"] else max(self.after, frame["head"])
            self.leaf = frame["leaf"]
            self.lost = False

    def _message(self, message: Frame) -> None:
        held = self.messages.get(message["id"])
        if held is not None and message["seq"] < held["seq"]:
            return
        same = held is not None and held["seq"] == message["seq"] and held["attempt"] == message["attempt"]
        if same and held is not None and message["status"] == "streaming" and len(held["text"]) > len(message["text"]):
            return
        self.messages[message["id"]] = dict(message)

    def _delta(self, frame: Frame) -> None:
        held = self.messages.get(frame["message"])
        if held is None:
            self.lost = True
            return
        if held["status"] not in MAKING or frame["attempt"] < held["attempt"]:
            return
        if frame["attempt"] > held["attempt"]:
            held["attempt"], held["text"] = frame["attempt"], ""
        text, units = frame["text"].encode("utf-16-le"), held["text"].encode("utf-16-le")
        offset = frame["offset"] * 2
        if offset > len(units):
            self.lost = True
        elif offset + len(text) > len(units):
            held["text"] = (units + text[len(units) - offset :]).decode("utf-16-le")

    def shown(self) -> list[Frame]:
        """Return the branch that ends in the leaf, as far as it is held, oldest first."""
        found: list[Frame] = []
        key = self.leaf
        while key is not None and key in self.messages:
            found.insert(0, self.messages[key])
            key = found[0]["parent"]
        return found
