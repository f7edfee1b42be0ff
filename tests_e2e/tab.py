"""One tab on the page, used as a person uses it: by what can be read and pressed."""

import json
from typing import Any

from playwright.sync_api import Locator, Page, WebSocket, expect

REPLY_MS = 60_000  # at most for a whole reply, on a busy machine


class Tab:
    """A tab, its places by their names, and the frames that its WebSockets received."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.frames: list[dict[str, Any]] = []
        page.on("websocket", self._listen)
        self.name = page.get_by_role("textbox", name="Your name")
        self.message = page.get_by_role("textbox", name="Message", exact=True)
        self.conversation = page.get_by_role("log", name="Conversation")
        # Each article is headed by who speaks.
        self.replies = self.conversation.get_by_role("article").filter(
            has=page.get_by_role("heading"), has_not=page.get_by_role("heading", name="You", exact=True)
        )
        self.reply = self.replies.last
        self.send = page.get_by_role("button", name="Send", exact=True).last
        self.stop = page.get_by_role("button", name="Stop")
        self.retry = self.reply.get_by_role("button", name="Retry")
        self.sessions = page.get_by_role("navigation", name="Conversations")

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framereceived", lambda payload: self.frames.append(json.loads(payload)))

    def open(self, path: str = "/") -> "Tab":
        self.page.goto(f"{self.url}{path}")
        return self

    def begin(self, text: str, *, name: str = "Ada") -> "Tab":
        """Come for the first time: say a name and a first message."""
        self.open()
        self.name.fill(name)
        self.say(text)
        return self

    def say(self, text: str) -> None:
        """Write and send a message, and wait until a reply to it is on its way."""
        before = self.replies.count()
        self.message.fill(text)
        if self.page.evaluate("() => matchMedia('(pointer: coarse)').matches"):
            self.send.tap()
        else:
            self.page.keyboard.press("Enter")
        expect(self.replies).to_have_count(before + 1, timeout=10_000)

    def await_reply(self, words: str = "", *, within_ms: float = REPLY_MS) -> None:
        """Wait until the last reply holds these words, and is made."""
        expect(self.reply).to_contain_text(words, timeout=within_ms)
        expect(self.reply).to_have_attribute("aria-busy", "false", timeout=within_ms)

    def await_writing(self) -> None:
        """Wait until the first words of the last reply stand there while it is being made."""
        expect(self.reply.get_by_role("img", name="Writing…")).to_be_visible(timeout=REPLY_MS)
        expect(self.written().first).not_to_be_empty()

    def written(self) -> Locator:
        """Return the paragraphs that the model wrote in the last reply."""
        return self.reply.locator("div p")

    def deltas(self) -> str:
        """Return the text that came to this tab as it was written."""
        return "".join(frame["text"] for frame in self.frames if frame["type"] == "delta")
