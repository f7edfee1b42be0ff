"""The index of words: made out of what was said before it, taken away again, and refused where it cannot be."""

from collections.abc import Iterator
from importlib import import_module

import pytest
from django.core.management import call_command
from django.db import NotSupportedError, OperationalError, connection

from chat import history
from chat.models import Status
from chat.tests.talking import Talk

BEFORE = "0003"


@pytest.fixture
def migrated_after(transactional_db: None) -> Iterator[None]:
    """Whatever a test does, the database is whole after it."""
    yield
    call_command("migrate", verbosity=0)


def found(talk: Talk, query: str) -> list[str]:
    """Return the texts that a search finds."""
    return [each.message.text for each in history.search(talk.visitor, query, before=None, limit=9)]


def test_what_was_said_before_the_index_is_found_and_goes_when_it_is_deleted(migrated_after: None) -> None:
    talk = Talk.begin()
    talk.exchange("The Eiffel tower", "Höher als alles")
    making = talk.say("And now a tower?").messages[1].id
    call_command("migrate", "chat", BEFORE, verbosity=0)
    assert not [name for name in connection.introspection.table_names() if name.startswith("chat_search")]
    call_command("migrate", verbosity=0)
    assert found(talk, "tower") == ["And now a tower?", "The Eiffel tower"]
    assert found(talk, "hoher") == ["Höher als alles"]
    talk.start(making)
    talk.end(making, "A third tower", status=Status.STOPPED)
    assert found(talk, "tower") == ["A third tower", "And now a tower?", "The Eiffel tower"]
    history.delete_session(str(talk.session), talk.visitor)
    assert found(talk, "tower") == []


def test_an_sqlite_without_fts5_is_told_what_to_do() -> None:
    class Without:
        def execute(self, statement: str, params: None) -> None:
            raise OperationalError("no such module: fts5")

    with pytest.raises(NotSupportedError, match=r"without FTS5.* or PostgreSQL by DATABASE_URL"):
        import_module("chat.migrations.0004_search").require_fts5(Without())
