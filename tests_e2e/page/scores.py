"""Lighthouse's judgement of the page, on a desk and on a phone: the median of five runs each."""

import json
import os
import shutil
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests_e2e.browser import NODE
from tests_e2e.page.figures import keep
from tests_e2e.served import Served, serve
from tests_e2e.visitor import Visitor

HERE = Path(__file__).parent / "lighthouse"
RUNS = 5
TRIES = 3  # now and then a busy machine's Chromium loses the beginning of its own trace (NO_NAVSTART)
CATEGORIES = {"performance": 95, "accessibility": 100, "best-practices": 100}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("lighthouse"), GPTJ_URL="echo://") as started:
        yield started


@pytest.fixture(scope="module")
def conversation(server: Served) -> tuple[str, str]:
    """A conversation with code in it: its address, and the cookies that open it."""
    visitor = Visitor(server.url)
    session = visitor.open_session()
    with visitor.connect(session) as socket:
        for text in ("# Hello\n\n- one\n- two", "```py\nprint('hello')\n```"):
            socket.ended(socket.say(text))
    return f"{server.url}/c/{session}", "; ".join(f"{name}={value}" for name, value in visitor.http.cookies.items())


def judged(url: str, folder: Path, form: str, *, cookies: str = "") -> dict[str, Any]:
    """Return Lighthouse's report on an address."""
    kept = folder / "report.json"
    command = [NODE, "node_modules/lighthouse/cli/index.js", url, "--quiet", "--output=json", f"--output-path={kept}"]
    command += [f"--only-categories={','.join(CATEGORIES)}", "--chrome-flags=--headless=new --no-sandbox"]
    command += ["--preset=desktop"] if form == "desk" else []
    command += [f"--extra-headers={json.dumps({'Cookie': cookies})}", "--disable-storage-reset"] if cookies else []
    chrome = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chrome is None:
        pytest.fail("Lighthouse needs a Chromium of the system (Debian: apt-get install chromium).")
    for _ in range(TRIES):
        subprocess.run(command, cwd=HERE, env={**os.environ, "CHROME_PATH": chrome}, check=False, timeout=120)
        report: dict[str, Any] = json.loads(kept.read_text())
        if "runtimeError" not in report:
            return report
    raise AssertionError(report["runtimeError"])


@pytest.mark.timeout(900)
@pytest.mark.parametrize("form", ["desk", "phone"])
@pytest.mark.parametrize("place", ["start", "conversation"])
def test_lighthouse_finds_nothing_to_better(
    server: Served, conversation: tuple[str, str], tmp_path: Path, place: str, form: str
) -> None:
    url, cookies = conversation if place == "conversation" else (server.url, "")
    reports = [judged(url, tmp_path, form, cookies=cookies) for _ in range(RUNS)]
    assert {report["finalDisplayedUrl"].rstrip("/") for report in reports} == {url}
    scores = {
        name: statistics.median(report["categories"][name]["score"] * 100 for report in reports) for name in CATEGORIES
    }
    paint_ms = statistics.median(report["audits"]["largest-contentful-paint"]["numericValue"] for report in reports)
    blocked_ms = statistics.median(report["audits"]["total-blocking-time"]["numericValue"] for report in reports)
    keep(
        f"lighthouse, {place}, {form}",
        **scores,
        largest_contentful_paint_ms=paint_ms,
        total_blocking_time_ms=blocked_ms,
    )
    assert {name: score for name, score in scores.items() if score < CATEGORIES[name]} == {}
