"""Staff look into the sessions."""

import pytest
from playwright.sync_api import Page, expect

from tests_e2e.served import Served
from tests_e2e.tab import Tab

PASSWORD = "a long way to the lighthouse"


@pytest.fixture(scope="module")
def staff(echo: Served) -> str:
    """Make a staff user as `make staff` does, without its questions, and return the name."""
    echo.manage(
        "createsuperuser",
        "--no-input",
        DJANGO_SUPERUSER_USERNAME="keeper",
        DJANGO_SUPERUSER_EMAIL="keeper@example.org",
        DJANGO_SUPERUSER_PASSWORD=PASSWORD,
    )
    return "keeper"


def test_staff_find_a_session_and_read_it_but_change_nothing(page: Page, echo: Served, staff: str) -> None:
    Tab(page, echo.url).begin("seen by the keeper", name="Grace").await_reply("seen by the keeper")
    page.goto(f"{echo.url}/admin/")
    page.get_by_label("Username").fill(staff)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="Chat sessions", exact=True).click()
    page.get_by_role("searchbox").or_(page.get_by_role("textbox")).first.fill("keeper")
    page.keyboard.press("Enter")
    row = page.get_by_role("row").filter(has_text="Grace")
    expect(row).to_have_count(1)
    expect(row.get_by_role("cell").filter(has_text="2")).not_to_have_count(0)
    row.get_by_role("link").first.click()
    expect(page.get_by_text("seen by the keeper").last).to_be_visible()
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    expect(page.get_by_role("link", name="Delete")).to_have_count(0)


def test_visitors_are_not_staff(page: Page, echo: Served) -> None:
    Tab(page, echo.url).begin("hello").await_reply("hello")
    page.goto(f"{echo.url}/admin/chat/chatsession/")
    expect(page.get_by_label("Password")).to_be_visible()
