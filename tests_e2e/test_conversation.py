"""Talking: a reply is seen as it is written, in every tab, through a reload; it can be stopped and made again."""

import os
import signal

from playwright.sync_api import BrowserContext, Page, expect

from tests_e2e.served import Served
from tests_e2e.tab import Tab

LONG = " ".join(f"word{n}" for n in range(150))  # 4.5 s of the echo's time


def test_a_person_says_a_name_and_a_question_and_reads_the_answer_as_it_is_written(
    page: Page, embedded: Served
) -> None:
    tab = Tab(page, embedded.url).begin("What is the capital of France?")
    tab.await_reply("Paris")
    expect(tab.conversation).to_contain_text("What is the capital of France?")
    assert sum(frame["type"] == "delta" for frame in tab.frames) >= 2
    assert "Paris" in tab.deltas()
    expect(page.get_by_role("heading", level=1)).not_to_have_text("New conversation")


def test_a_second_tab_shows_the_same_while_it_is_written(person: BrowserContext, echo: Served) -> None:
    first = Tab(person.new_page(), echo.url).begin(LONG)
    first.await_writing()
    second = Tab(person.new_page(), echo.url)
    second.page.goto(first.page.url)
    second.await_writing()
    for tab in (first, second):
        tab.await_reply("word149")
        expect(tab.written()).to_have_text([LONG])
    second.say("and now from the other")
    first.await_reply("and now from the other")


def test_a_reload_in_the_middle_of_a_reply_goes_on_with_it(page: Page, echo: Served) -> None:
    tab = Tab(page, echo.url).begin(LONG)
    tab.await_writing()
    page.reload()
    tab.await_writing()
    tab.await_reply("word149")
    expect(tab.written()).to_have_text([LONG])
    expect(tab.replies).to_have_count(1)


def test_stop_keeps_what_was_written_and_retry_makes_it_again(page: Page, echo: Served) -> None:
    tab = Tab(page, echo.url).begin(LONG)
    tab.await_writing()
    tab.stop.click()
    tab.await_reply("Stopped.")
    kept = tab.written().first.inner_text()
    assert kept
    assert LONG.startswith(kept)
    assert len(kept) < len(LONG)
    tab.retry.click()
    tab.await_reply("word149")
    expect(tab.written()).to_have_text([LONG])
    expect(tab.replies).to_have_count(1)


def test_when_the_model_dies_in_mid_reply_its_words_stay_and_retry_works(page: Page, embedded: Served) -> None:
    tab = Tab(page, embedded.url).begin("Write a long story about a lighthouse keeper and the sea.")
    tab.await_writing()
    for child in embedded.children():
        os.kill(child, signal.SIGKILL)
    tab.await_reply("This reply failed.")
    expect(tab.written().first).not_to_be_empty()
    tab.retry.click()
    tab.await_writing()
    tab.stop.click()
    tab.await_reply("Stopped.")


def test_what_the_model_and_people_write_never_becomes_markup(page: Page, echo: Served) -> None:
    attack = '<img src="https://elsewhere.example/x.png" onerror="alert(1)"><script>alert(2)</script>'
    elsewhere: list[str] = []
    page.on("request", lambda request: elsewhere.append(request.url) if "elsewhere" in request.url else None)
    page.on("dialog", lambda dialog: elsewhere.append(dialog.message))
    tab = Tab(page, echo.url).begin(f"{attack} and ![a](https://elsewhere.example/y.png)", name="<b>Ada</b>")
    tab.await_reply("alert(2)")
    expect(tab.conversation.locator("img, script, iframe")).to_have_count(0)
    assert elsewhere == []
