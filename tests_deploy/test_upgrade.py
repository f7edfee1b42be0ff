"""An upgrade with a migration while a reply is written: the old version goes on, the new one ends what it leaves."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chat.tests.servers import Served, Valkey, postgresql
from tests_e2e.visitor import Visitor

pytestmark = pytest.mark.long

ROOT = Path(__file__).parent.parent
WORDS = " ".join(f"word{number}" for number in range(200))
MIGRATION = """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chat", "{before}")]
    operations = [
        migrations.AddField("message", "mood", models.TextField(db_default="calm")),
        migrations.AddIndex("message", models.Index(fields=["mood"], name="message_by_mood")),
    ]
"""


def next_version(folder: Path) -> Path:
    """Return a copy of the project that has one migration more."""
    for name in ("chat", "gptj", "chatbot_project"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("tests", "__pycache__"))
    shutil.copy(ROOT / "manage.py", folder)
    for name in ("staticfiles", "frontend"):
        (folder / name).symlink_to(ROOT / name)
    migrations = folder / "chat" / "migrations"
    newest = max(path.stem for path in migrations.glob("0*.py"))
    (migrations / "0999_mood.py").write_text(MIGRATION.format(before=newest))
    return folder


@contextmanager
def sqlite(folder: Path) -> Iterator[dict[str, str]]:
    """The settings of one process."""
    yield {"DATABASE_URL": f"sqlite:///{folder / 'chat.sqlite3'}"}


@contextmanager
def team(folder: Path) -> Iterator[dict[str, str]]:
    """The settings of many processes."""
    valkey = Valkey()
    with postgresql(folder / "postgresql") as url:
        valkey.start()
        yield {"DATABASE_URL": url, "REDIS_URL": valkey.url}
        valkey.stop()


@pytest.mark.parametrize("storage", [sqlite, team])
def test_a_reply_outlives_an_upgrade_with_a_migration(storage: type, tmp_path: Path) -> None:
    for name in ("old", "new", "project"):
        (tmp_path / name).mkdir()
    with storage(tmp_path) as stored:
        settings = {**stored, "GPTJ_URL": "echo://?delay_s=0.06"}
        old = Served(tmp_path / "old", **settings)
        new = Served(tmp_path / "new", next_version(tmp_path / "project"), **settings)
        old.manage("migrate", "--verbosity", "0")
        old.start()
        visitor = Visitor(old.url)
        session = visitor.open_session()
        with visitor.connect(session) as tab:
            reply = tab.say(WORDS)
            tab.receive("delta")
            assert "1 migrations were applied" in new.run("migrate_locked").stdout
            tab.receive("delta")  # the old version writes on
            old.end()
            assert tab.close_code() == 4000
        new.start()
        visitor.url = new.url
        with visitor.connect(session) as tab:
            ended = tab.ended(reply, within_s=60)
        assert (ended["status"], ended["attempt"]) == ("complete", 2)
        assert ended["text"].endswith(WORDS)
        kept = visitor.call("GET", f"/api/sessions/{session}/messages").json()["items"]
        assert [message["text"] for message in kept] == [WORDS, ended["text"]]
        new.end()
