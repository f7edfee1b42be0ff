"""`manage.py purge_sessions`, and what is left of somebody afterwards: nothing."""

from datetime import timedelta
from io import StringIO
from uuid import UUID

import pytest
from django.conf import LazySettings
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.utils import timezone

from chat.models import ChatSession, Message, SystemPrompt, Visitor
from chat.tests.talking import Talk

pytestmark = pytest.mark.django_db(transaction=True)


def rested(talk: Talk, **since: float) -> None:
    """Let nobody have used a session, nor its visitor have been there, since then."""
    then = timezone.now() - timedelta(**since)
    ChatSession.objects.filter(id=talk.session).update(updated_at=then)
    Visitor.objects.filter(id=talk.visitor).update(created_at=then)


def purge(*arguments: str) -> str:
    """Run it; return what it says."""
    said = StringIO()
    call_command("purge_sessions", *arguments, stdout=said)
    return said.getvalue()


def cached(session: UUID) -> bool:
    return cache.get(f"turns:{session}") is not None


def test_what_is_past_its_retention_goes_from_everywhere_and_the_rest_stays(settings: LazySettings) -> None:
    settings.RETENTION_DAYS = 7
    old, new = Talk.begin("Ada", system_prompt="Be old."), Talk.begin("Bob", system_prompt="Be new.")
    for talk in (old, new):
        talk.exchange()
    assert cached(old.session)
    rested(old, days=8)
    rested(new, days=6)
    assert "1 sessions" in purge()
    assert list(ChatSession.objects.values_list("id", flat=True)) == [new.session]
    assert list(Visitor.objects.values_list("id", flat=True)) == [new.visitor]
    assert set(Message.objects.values_list("session", flat=True)) == {new.session}
    assert list(SystemPrompt.objects.values_list("text", flat=True)) == ["Be new."]
    assert not cached(old.session)
    assert cached(new.session)


def test_retention_begins_when_the_session_is_over(settings: LazySettings) -> None:
    settings.RETENTION_DAYS, settings.SESSION_TTL_S = 7, 86_400 * 3
    talk = Talk.begin()
    rested(talk, days=9)
    assert "0 sessions" in purge()
    rested(talk, days=11)
    assert "1 sessions" in purge()


def test_another_retention_can_be_said_for_once(settings: LazySettings) -> None:
    settings.RETENTION_DAYS = 0
    rested(Talk.begin(), days=3)
    assert "0 sessions" in purge("--days=4")
    assert "1 sessions" in purge("--days=2")


@pytest.mark.parametrize("arguments", [[], ["--days=0"], ["--days=-1"]])
def test_without_a_retention_nothing_is_deleted(settings: LazySettings, arguments: list[str]) -> None:
    settings.RETENTION_DAYS = 0
    rested(Talk.begin(), days=3000)
    with pytest.raises(CommandError, match="RETENTION_DAYS"):
        purge(*arguments)
    assert ChatSession.objects.exists()
