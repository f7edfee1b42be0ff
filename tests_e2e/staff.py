"""Someone of the staff in a browser: logs in, and looks around as a person would."""

from playwright.sync_api import Page, expect

from tests_e2e.served import Served

NAME, PASSWORD = "keeper", "a long way to the lighthouse"


def make(server: Served) -> None:
    """Make a staff user as `make staff` does, without its questions."""
    server.manage(
        "createsuperuser",
        "--no-input",
        DJANGO_SUPERUSER_USERNAME=NAME,
        DJANGO_SUPERUSER_EMAIL="keeper@example.org",
        DJANGO_SUPERUSER_PASSWORD=PASSWORD,
    )


def log_in(page: Page, server: Served) -> None:
    """Log in at the admin's first page."""
    page.goto(f"{server.url}/admin/")
    page.get_by_label("Username").fill(NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Waiting now")).to_be_visible()


def open_session(page: Page, server: Served, visitor: str) -> None:
    """Open the newest session of a visitor from the list."""
    page.goto(f"{server.url}/admin/chat/chatsession/")
    row = page.get_by_role("row").filter(has_text=visitor).first
    row.get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=2, name="Session ")).to_be_visible()


def reveal(page: Page) -> None:
    """Reveal what people wrote."""
    page.get_by_role("button", name="Reveal it to me").click()
    expect(page.get_by_role("status")).to_contain_text("that is logged")


def replay(page: Page, **settings: str) -> None:
    """On a reply's page, ask for a replay with these settings, and wait until it is made."""
    for label, value in settings.items():
        page.get_by_label(label.replace("_", " "), exact=False).fill(value)
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_text("The texts")).to_be_visible(timeout=60_000)
