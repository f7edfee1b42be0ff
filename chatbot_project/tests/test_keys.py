"""The key is made once, whole, and for its owner alone."""

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from chatbot_project import keys


def test_the_key_is_long_and_for_its_owner_alone(tmp_path: Path) -> None:
    kept = keys.make(tmp_path / "data")
    assert len(kept.read_text().strip()) >= 50
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_key_that_is_there_stays(tmp_path: Path) -> None:
    first = keys.make(tmp_path).read_text()
    assert keys.make(tmp_path).read_text() == first


def test_two_that_start_at_once_end_with_one_key_and_nothing_else(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        kept = list(threads.map(lambda _: keys.make(tmp_path).read_text(), range(64)))
    assert len(set(kept)) == 1
    assert [found.name for found in tmp_path.iterdir()] == ["secret_key"]


def test_the_command_puts_the_key_where_settings_look_for_it(tmp_path: Path) -> None:
    environment = {**os.environ, "DATA_DIR": str(tmp_path)}
    environment.pop("SECRET_KEY", None)
    subprocess.run([sys.executable, "-m", "chatbot_project.keys"], env=environment, check=True)
    read = "from chatbot_project import settings; print(settings.SECRET_KEY)"
    seen = subprocess.run([sys.executable, "-c", read], env=environment, check=True, capture_output=True, text=True)
    assert seen.stdout == (tmp_path / "secret_key").read_text()
