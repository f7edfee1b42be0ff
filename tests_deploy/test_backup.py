"""Backup, wipe, restore, as docs/operations.md says: the sessions are back, and visitors are who they were."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from tests_e2e.served import serve
from tests_e2e.visitor import Visitor

ROOT = Path(__file__).parent.parent


def documented(start: str) -> list[str]:
    """Return the words of the command inside the container that the chapter on backups begins so."""
    chapter = (ROOT / "docs" / "operations.md").read_text().partition("## Backup and restore")[2]
    (line,) = re.findall(rf"^{start}.*$", chapter, re.MULTILINE)
    return shlex.split(line.removeprefix(start))


def texts(visitor: Visitor, session: str) -> list[str]:
    answer = visitor.call("GET", f"/api/sessions/{session}/messages")
    answer.raise_for_status()
    return [message["text"] for message in answer.json()["items"]]


def test_sessions_are_back_after_a_backup_a_wipe_and_a_restore(tmp_path: Path) -> None:
    safe = tmp_path / "safe"
    safe.mkdir()
    with serve(tmp_path, GPTJ_URL="echo://") as server:
        data = server.data_dir
        visitor = Visitor(server.url)
        session = visitor.open_session()
        with visitor.connect(session) as tab:
            tab.ended(tab.say("before the backup"))
            python, *arguments = documented("docker exec chatbot ")
            assert python == "python"
            command = [sys.executable, *(each.replace("/data/", f"{data}/") for each in arguments)]
            subprocess.run(command, check=True)  # while it serves
            tab.ended(tab.say("after the backup"))
        before = texts(visitor, session)
        shutil.move(data / "backup.sqlite3", safe)
        shutil.copy(data / "secret_key", safe)
    shutil.rmtree(data)
    data.mkdir()
    shutil.copy(safe / "backup.sqlite3", data / "chat.sqlite3")
    shutil.copy(safe / "secret_key", data)
    with serve(tmp_path, GPTJ_URL="echo://") as server:
        visitor.url = server.url
        assert texts(visitor, session) == before[:2]
        with visitor.connect(session) as tab:
            assert tab.ended(tab.say("and on"))["status"] == "complete"
