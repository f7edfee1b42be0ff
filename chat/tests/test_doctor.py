"""`manage.py doctor` says what is well, and what to do about what is not."""

import json
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import call_command

from chat import doctor
from chat.doctor import Finding
from chat.tests.servers import Valkey
from gptj import generators
from gptj.backends.scripted import Scripted
from gptj.exceptions import BackendUnreachable


async def look(**options: Any) -> dict[str, Finding]:
    return {finding.part: finding async for finding in doctor.findings(idle=False, **options)}


@pytest.mark.django_db(transaction=True)
async def test_all_is_well_where_all_is_well() -> None:
    found = await look()
    assert {"database", "migrations", "cache", "channel layer", "origins", "model default"} == set(found)
    assert all(finding.well and not finding.fix for finding in found.values())
    assert "tokens/s" in found["model default"].seen


@pytest.mark.django_db(transaction=True)
async def test_a_model_that_cannot_be_reached_is_told_with_what_to_do() -> None:
    model = generators["default"]
    assert isinstance(model, Scripted)
    model.script(BackendUnreachable("Nobody there."))
    finding = (await look())["model default"]
    assert (finding.well, finding.seen) == (False, "Nobody there.")
    assert "GPTJ_URL" in finding.fix


@pytest.fixture
def redis_layer(valkey: Valkey, settings: LazySettings) -> Valkey:
    """Redis as the channel layer too."""
    layer = {"BACKEND": "chat.layer.Layer", "CONFIG": {"hosts": [valkey.url]}}
    settings.CHANNEL_LAYERS = {"default": layer}
    return valkey


@pytest.mark.django_db(transaction=True)
async def test_redis_is_asked_where_there_is_one(redis_layer: Valkey) -> None:
    found = await look()
    assert found["cache"].seen == "Redis"
    assert "came through" in found["channel layer"].seen


@pytest.mark.django_db(transaction=True)
async def test_a_redis_that_is_gone_is_told(redis_layer: Valkey) -> None:
    redis_layer.stop()
    try:
        found = await look()
    finally:
        redis_layer.start()
    assert not found["cache"].well
    assert not found["channel layer"].well


@pytest.mark.django_db(transaction=True)
async def test_an_origin_for_everyone_is_told(settings: LazySettings) -> None:
    settings.ORIGINS = ["*"]
    assert not (await look())["origins"].well


@pytest.mark.django_db(transaction=True)
async def test_a_url_without_a_websocket_is_told() -> None:
    finding = (await look(public_url="http://127.0.0.1:9"))["WebSocket"]
    assert not finding.well
    assert "Upgrade" in finding.fix


@pytest.mark.django_db(transaction=True)
def test_the_command_ends_with_1_if_anything_is_not_well(
    settings: LazySettings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.ORIGINS = ["*"]
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", "--quick", "--json")
    assert ended.value.code == 1
    assert [finding["part"] for finding in json.loads(capsys.readouterr().out) if not finding["well"]] == ["origins"]
