"""What a serving process does not load. Each in a process of its own, since imports stay."""

import subprocess
import sys

import pytest

DAPHNE = """
import sys
from chat.lean import load_daphne
load_daphne()
from daphne.server import Server
"""


@pytest.mark.parametrize("unused", ["OpenSSL", "cryptography", "autobahn.wamp.protocol"])
def test_daphne_comes_without_what_it_does_not_need(unused: str) -> None:
    _run(f"{DAPHNE}\nassert {unused!r} not in sys.modules")


@pytest.mark.parametrize("unused", ["rich", "structlog.twisted", "twisted"])
def test_structlog_comes_without_what_it_does_not_need(unused: str) -> None:
    _run(f"import sys, django; django.setup()\nassert 'structlog' in sys.modules\nassert {unused!r} not in sys.modules")


@pytest.mark.parametrize("unused", ["OpenSSL.SSL", "autobahn.twisted.wamp"])
def test_what_was_left_out_can_still_be_had(unused: str) -> None:
    _run(f"{DAPHNE}\nimport {unused}\nassert {unused!r} in sys.modules")


def _run(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
