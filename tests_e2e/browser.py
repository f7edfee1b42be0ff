"""Which Chromium drives the page: one that is there already, else npm's, which needs no library of the system."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright

HERE = Path(__file__).parent
UNPACKED = HERE / "node_modules" / ".chromium"
# The Node.js that builds the page: the one in the environment where the system's is none or too old.
NODE = shutil.which("node", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}") or "node"
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{folder}/fonts</dir><dir>/usr/share/fonts</dir><cachedir>{folder}/fonts-cache</cachedir></fontconfig>
"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a Chromium without a window, and end it."""
    os.environ["PLAYWRIGHT_NODEJS_PATH"] = NODE  # Playwright's own wants libatomic.so.1, which bare images lack
    with sync_playwright() as driver, _launched(driver) as browser:
        yield browser


def _launched(driver: Playwright) -> Browser:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found:
        return driver.chromium.launch(executable_path=found)
    folder = _unpacked()
    libraries = {"LD_LIBRARY_PATH": str(folder / "al2023" / "lib"), "FONTCONFIG_PATH": str(folder / "fonts")}
    return driver.chromium.launch(executable_path=folder / "chromium", env={**os.environ, **libraries})


def _unpacked() -> Path:
    """Unpack npm's Chromium beside itself, once, and return the folder; one that was cut short is not taken for it."""
    if UNPACKED.exists():
        return UNPACKED
    partial = UNPACKED.with_name(f".chromium-{os.getpid()}")
    partial.mkdir()
    subprocess.run(
        [NODE, "--input-type=module", "-e", 'import c from "@sparticuz/chromium"; await c.executablePath()'],
        cwd=HERE,
        # It unpacks into TMPDIR, and its libraries only where it believes itself on AWS (its helper.js).
        env={**os.environ, "TMPDIR": str(partial), "AWS_LAMBDA_JS_RUNTIME": "nodejs22.x"},
        check=True,
    )
    # Its own fonts.conf names /tmp/fonts.
    (partial / "fonts" / "fonts.conf").write_text(FONTS.format(folder=UNPACKED / "fonts"))
    return partial.rename(UNPACKED)
