"""A session through all that people and chance may do to it: after every step each tab holds what a new one is told."""

import asyncio
import json
import os
import time
from collections.abc import Callable, Coroutine, Iterator
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest
from django.conf import LazySettings
from django.core.cache import cache
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from chat import threads
from chat.limits import allowance
from chat.models import Message
from chat.process import process
from chat.replies import replies
from chat.tests.conftest import Person, Tab
from chat.tests.mirror import MAKING, Frame, Mirror
from gptj import generators
from gptj.backends.scripted import Scripted, Step
from gptj.exceptions import BackendUnreachable

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "5"))  # `make faults` has 20
EXAMPLES = 8 * ROUNDS
STEPS = 20
WAIT_S = 10.0  # for what must happen, on a busy machine
TABS = 3

ANY = st.integers(0, 1000)  # which of those there are
PLANS = st.sampled_from(["held", "held", "whole", "fails", "fails late"])


class Watched:
    """A tab, what it holds by the wire's rules, and what it was told besides."""

    def __init__(self) -> None:
        self.mirror = Mirror()
        self.tab: Tab | None = None
        self.said: list[Frame] = []

    def hear(self) -> None:
        """Take in what has come."""
        while self.tab is not None and not self.tab.wire.output_queue.empty():
            output = self.tab.wire.output_queue.get_nowait()
            assert output["type"] == "websocket.send", output
            frame = json.loads(output["text"])
            self.mirror.apply(frame)
            assert not self.mirror.lost, f"nothing is lost in one process: {frame}"
            self.said.append(frame)


def view(mirror: Mirror) -> Any:
    """Return what must be the same in all tabs."""
    shown = [{**message, "siblings": None} for message in mirror.shown()]
    return mirror.after, mirror.leaf, mirror.session["title"], shown


class Conversation(RuleBasedStateMachine):
    """One session, tabs that come and go, and a model whose reply may be held, fail, or lose its maker."""

    runner: ClassVar[asyncio.Runner]

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine beside the serving process."""
        return self.runner.run(work)

    @property
    def model(self) -> Scripted:
        """The model."""
        model = generators["default"]
        assert isinstance(model, Scripted)
        return model

    @initialize()
    def begin(self) -> None:
        self.person = Person()
        self.tabs: list[Watched] = []
        self.gate = asyncio.Event()
        self.stored: dict[str, tuple[str, str | None]] = {}  # message and text, by client id
        self.session: str = self.run(self.person.begin())
        self.open()

    # --- What tabs do ------------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.tabs) < TABS)
    @rule()
    def open(self) -> None:
        watched = Watched()
        self.tabs.append(watched)
        self.run(self._join(watched))

    @precondition(lambda self: len(self.here) > 1)
    @rule(which=ANY)
    def drop(self, which: int) -> None:
        watched = self.here[which % len(self.here)]
        assert watched.tab is not None
        self.run(watched.tab.leave())
        watched.tab = None

    @precondition(lambda self: len(self.here) < len(self.tabs))
    @rule()
    def come_back(self) -> None:
        self.run(self._join(next(watched for watched in self.tabs if watched.tab is None)))

    @rule(which=ANY)
    def heal(self, which: int) -> None:
        self.run(self._heal(self.here[which % len(self.here)]))

    # --- What people do ----------------------------------------------------------------------------------------------

    @rule(which=ANY, plan=PLANS, text=st.text(min_size=1, max_size=8).map(lambda text: f"Say {text}"))
    def send(self, which: int, plan: str, text: str) -> None:
        self.run(self._turn(which, plan, type="send", text=text))

    @precondition(lambda self: self.messages)
    @rule(which=ANY, plan=PLANS, message=ANY)
    def edit(self, which: int, plan: str, message: int) -> None:
        asked = [each for each in self.messages if each["role"] == "user"]
        key = asked[message % len(asked)]["id"]
        self.run(self._turn(which, plan, type="edit", message=key, text="Otherwise"))

    @precondition(lambda self: self.messages)
    @rule(which=ANY, plan=PLANS, message=ANY)
    def regenerate(self, which: int, plan: str, message: int) -> None:
        key = self.messages[message % len(self.messages)]["id"]
        self.run(self._turn(which, plan, type="regenerate", message=key))

    @precondition(lambda self: self.stored)
    @rule(which=ANY, known=ANY, other=st.booleans())
    def send_again(self, which: int, known: int, *, other: bool) -> None:
        key = list(self.stored)[known % len(self.stored)]
        message, text = self.stored[key]
        if text is not None:
            self.run(self._again(which, key, message, text + "!" if other else text, other=other))

    @precondition(lambda self: self.messages)
    @rule(which=ANY, message=ANY)
    def select(self, which: int, message: int) -> None:
        key = self.messages[message % len(self.messages)]["id"]
        self.run(self._say(which, type="select", message=key))

    @precondition(lambda self: self.making)
    @rule(which=ANY, late=st.booleans())
    def stop(self, which: int, *, late: bool) -> None:
        self.run(self._stop(which, late=late))

    @precondition(lambda self: self.replies_made)
    @rule(which=ANY, plan=PLANS, reply=ANY)
    def retry(self, which: int, plan: str, reply: int) -> None:
        self.run(self._retry(which, plan, self.replies_made[reply % len(self.replies_made)]))

    @rule(title=st.sampled_from(["One", "Another"]))
    def rename(self, title: str) -> None:
        url = f"/api/sessions/{self.session}"
        answer = self.run(self.person.browser.patch(url, {"title": title}, "application/json"))
        assert answer.status_code == 200

    # --- What chance does --------------------------------------------------------------------------------------------

    @precondition(lambda self: self.making)
    @rule()
    def finish(self) -> None:
        self.gate.set()
        self.run(self._until(lambda: not self.making))

    @precondition(lambda self: self.making)
    @rule(plan=PLANS)
    def lose_the_maker(self, plan: str) -> None:
        self.run(self._take_over(plan))

    @rule()
    def flush(self) -> None:
        self.run(cache.aclear())

    # --- What must hold ----------------------------------------------------------------------------------------------

    @invariant()
    def every_tab_holds_what_a_new_one_is_told(self) -> None:
        if hasattr(self, "session"):
            self.run(self._compare())

    def teardown(self) -> None:
        if hasattr(self, "session"):
            self.run(self._leave())

    # --- How ---------------------------------------------------------------------------------------------------------

    @property
    def here(self) -> list[Watched]:
        return [watched for watched in self.tabs if watched.tab is not None]

    @property
    def messages(self) -> list[Frame]:
        """What the first tab that is connected holds, oldest first."""
        return sorted(self.here[0].mirror.messages.values(), key=lambda message: int(message["n"]))

    @property
    def replies_made(self) -> list[Frame]:
        return [message for message in self.messages if message["role"] == "assistant"]

    @property
    def making(self) -> Frame | None:
        return next((reply for reply in self.replies_made if reply["status"] in MAKING), None)

    async def _until(self, true: Callable[[], Any]) -> None:
        end = time.monotonic() + WAIT_S
        while True:
            for watched in self.here:
                watched.hear()
            if true():
                return
            assert time.monotonic() < end, [watched.said[-6:] for watched in self.here]
            await asyncio.sleep(0.002)

    async def _join(self, watched: Watched) -> None:
        tab = Tab(self.session, self.person.cookie)
        await tab.connect()
        watched.tab = tab
        watched.said.clear()
        await watched.tab.say("hello", after=watched.mirror.after)
        await self._until(lambda: any(frame["type"] == "sync" and not frame["more"] for frame in watched.said))

    async def _heal(self, watched: Watched) -> None:
        assert watched.tab is not None
        watched.said.clear()
        await watched.tab.say("ping", after=watched.mirror.after)
        await self._until(lambda: any(frame["type"] == "pong" for frame in watched.said))

    async def _say(self, which: int, **frame: Any) -> Watched:
        """Send a frame, and wait until the server has obeyed it: frames of a tab are answered in order."""
        watched = self.here[which % len(self.here)]
        assert watched.tab is not None
        watched.said.clear()
        await watched.tab.say(frame.pop("type"), **frame)
        await watched.tab.say("ping", after=watched.mirror.after)
        await self._until(lambda: any(said["type"] == "pong" for said in watched.said))
        return watched

    def _plan(self, plan: str) -> None:
        """Write the next reply."""
        self.gate = asyncio.Event()
        down = BackendUnreachable("It is down.")
        scripts: dict[str, tuple[Step, ...]] = {
            "held": ("one ", "two ", self.gate, "three"),
            "whole": ("Hello", " there."),
            "fails": (down,),
            "fails late": ("Half of ", down),
        }
        self.model.always = scripts[plan]

    async def _begun(self, plan: str) -> None:
        """Wait until the reply is as far as the plan lets it come."""
        if plan == "held":
            await self._until(lambda: self.making is not None and self.making["text"] == "one two ")
        else:
            await self._until(lambda: self.making is None)

    async def _turn(self, which: int, plan: str, **frame: Any) -> None:
        key, busy = str(uuid4()), self.making is not None
        if not busy:
            self._plan(plan)
        watched = await self._say(which, client_id=key, **frame)
        if busy:
            codes = [said["code"] for said in watched.said if said["type"] == "error" and said["client_id"] == key]
            assert codes == ["busy"]
            return
        (ack,) = [said for said in watched.said if said["type"] == "ack"]
        assert (ack["client_id"], ack["duplicate"]) == (key, False)
        kept = watched.mirror.messages[ack["message"]]["text"] if "text" in frame else None
        self.stored[key] = (ack["message"], kept)
        await self._begun(plan)

    async def _again(self, which: int, key: str, message: str, text: str, *, other: bool) -> None:
        watched = await self._say(which, type="send", client_id=key, text=text)
        (answer,) = [said for said in watched.said if said["type"] in {"ack", "error"}]
        if other:
            assert answer["code"] == "bad_frame"
        else:
            assert (answer["message"], answer["duplicate"]) == (message, True)

    async def _stop(self, which: int, *, late: bool) -> None:
        reply = self.making
        assert reply is not None
        if late:
            await self._say(which, type="stop", message=reply["id"], attempt=reply["attempt"] + 1)
            assert self.making is not None
            return
        await self._say(which, type="stop", message=reply["id"], attempt=reply["attempt"])
        await self._until(lambda: self.making is None)
        assert self.here[0].mirror.messages[reply["id"]]["status"] == "stopped"

    async def _retry(self, which: int, plan: str, reply: Frame) -> None:
        below = any(message["parent"] == reply["id"] for message in self.messages)
        may = reply["status"] in {"failed", "stopped"} and not below and self.making is None
        if may:
            self._plan(plan)
        await self._say(which, type="retry", message=reply["id"], attempt=reply["attempt"])
        if may:
            await self._begun(plan)
        assert self.here[0].mirror.messages[reply["id"]]["attempt"] == reply["attempt"] + may

    async def _take_over(self, plan: str) -> None:
        """Let the lease run out: the reply is made again, once, and then has failed."""
        reply = self.making
        assert reply is not None
        row = await Message.objects.aget(id=UUID(reply["id"]))
        self._plan(plan)
        past = timezone.now() - timedelta(seconds=1)
        while not await _taken(reply):  # unless the lease is renewed in between
            await Message.objects.filter(id=row.id).aupdate(lease_until=past)
            await replies.take_over()
        if row.takeovers:
            await self._until(lambda: self.making is None)
            failed = self.here[0].mirror.messages[reply["id"]]
            assert (failed["error"]["code"], failed["text"]) == ("interrupted", row.text)
        else:
            await self._begun(plan)
            assert self.here[0].mirror.messages[reply["id"]]["attempt"] == reply["attempt"] + 1

    async def _compare(self) -> None:
        fresh = Watched()
        self.tabs.append(fresh)
        try:
            await self._join(fresh)
            for watched in self.here:
                await self._load(watched.mirror)
            await self._until(lambda: all(view(each.mirror) == view(fresh.mirror) for each in self.here))
        finally:
            self.tabs.remove(fresh)
            if fresh.tab is not None:
                await fresh.tab.leave()
        rows = {str(row.client_id): row async for row in Message.objects.filter(session=UUID(self.session))}
        for key, (message, _) in self.stored.items():
            assert str(rows[key].id) == message

    async def _load(self, mirror: Mirror) -> None:
        """Read, as the page does, the part of the shown branch that a tab was never told."""
        shown = mirror.shown()
        if mirror.leaf is not None and (not shown or shown[0]["parent"] is not None):
            answer = await self.person.browser.get(f"/api/sessions/{self.session}/messages?leaf={mirror.leaf}")
            mirror.load(answer.json()["items"])

    async def _leave(self) -> None:
        self.gate.set()
        await self._until(lambda: self.making is None)
        for watched in self.here:
            assert watched.tab is not None
            await watched.tab.leave()


async def _taken(reply: Frame) -> bool:
    """Tell whether somebody has taken the reply up, or has seen it lost for good."""
    row = await Message.objects.aget(id=UUID(reply["id"]))
    return row.attempt > reply["attempt"] or row.status not in MAKING


@pytest.fixture
def runner(transactional_db: None, settings: LazySettings) -> Iterator[asyncio.Runner]:
    """A serving process for as long as the test; the value runs a coroutine beside it."""
    settings.LIMITS = {**settings.LIMITS, "frames_per_10s": 100_000, "sends_per_minute": 100_000}
    allowance.cache_clear()
    with asyncio.Runner() as runner:
        runner.run(process.start())
        yield runner
        runner.run(process.drain())
        threads.close()
    allowance.cache_clear()


@pytest.mark.timeout(60 * ROUNDS)
def test_every_tab_holds_what_a_new_one_is_told(runner: asyncio.Runner) -> None:
    Conversation.runner = runner
    run_state_machine_as_test(
        Conversation,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            print_blob=True,
        ),
    )
