"""Pictures of what the browser tests do, for docs/images: taken where PICTURES is set, as `make screenshots` does."""

import os

from playwright.sync_api import Page

from tests_e2e.served import ROOT

IMAGES = ROOT / "docs" / "images"


def picture(page: Page, name: str) -> None:
    """Take a picture of what is seen now."""
    if os.environ.get("PICTURES"):
        page.screenshot(path=IMAGES / f"{name}.png")
