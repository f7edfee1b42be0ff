"""Settings made into backends."""

import logging
from typing import Any

import pytest
from pytest_django import Settings

from gptj import Condition, State, generators
from gptj.backends.base import BELIEVED_S
from gptj.backends.echo import Echo
from gptj.backends.openai_compatible import OpenAICompatible
from gptj.exceptions import Misconfigured, UnknownModel
from gptj.registry import make
from gptj.tests.conftest import UseModels


def test_a_model_is_made_once(use_models: UseModels) -> None:
    use_models(default="echo://", other="echo://")
    assert generators["default"] is generators["default"]
    assert generators["default"] is not generators["other"]


def test_the_aliases_are_listed_in_order(use_models: UseModels) -> None:
    use_models(default="echo://", b="echo://", a="echo://")
    assert list(generators) == ["default", "b", "a"]
    assert len(generators) == 3
    assert "a" in generators
    assert "c" not in generators


def test_an_unknown_alias_names_the_choices(use_models: UseModels) -> None:
    use_models(default="echo://", fast="echo://")
    with pytest.raises(UnknownModel, match=r"'slow'.*default, fast"):
        generators["slow"]


def test_other_settings_make_other_models(use_models: UseModels) -> None:
    use_models(default="echo://?label=One")
    assert generators["default"].label == "One"
    use_models(default="echo://?label=Two")
    assert generators["default"].label == "Two"


async def test_a_closed_model_is_made_anew(use_models: UseModels) -> None:
    use_models(default="echo://")
    before = generators["default"]
    await generators.close()
    assert generators["default"] is not before


def test_options_are_numbers_and_texts(use_models: UseModels) -> None:
    query = "label=My+model&context_window=512&max_new_tokens=64&temperature=0.5&top_p=0.9&concurrency=3&timeout_s=9.5"
    use_models(default=f"echo://?{query}")
    model = generators["default"]
    assert isinstance(model, Echo)
    assert (model.label, model.context_window, model.max_new_tokens) == ("My model", 512, 64)
    assert (model.options.temperature, model.options.top_p) == (0.5, 0.9)
    assert (model.concurrency, model.timeout_s) == (3, 9.5)


def test_without_a_label_the_alias_is_shown(use_models: UseModels) -> None:
    use_models(default="echo://")
    assert generators["default"].label == "default"


@pytest.mark.parametrize(
    ("url", "said", "check_id"),
    [
        ("ftp://host", "'ftp' is no known kind", "gptj.E001"),
        ("", "'' is no known kind", "gptj.E001"),
        ("openai+http://[::1", "no URL", "gptj.E001"),
        ("openai+http://me:canary@host/v1", "may not hold a name or a key", "gptj.E001"),
        ("embedded://models/x.gguf", "not absolute", "gptj.E001"),
        ("echo://?api_key=canary", "no option 'api_key'", "gptj.E002"),
        ("echo://?alias=canary", "no option 'alias'", "gptj.E002"),
        ("echo://?token=canary", "no option 'token'", "gptj.E002"),
        ("echo://?top_p=canary", "top_p: Input should be a valid number", "gptj.E002"),
        ("echo://?temperature=3", "temperature: Input should be less than or equal to 2", "gptj.E002"),
        ("echo://?label=a&label=b", "'label' stands there twice", "gptj.E002"),
        ("echo://?context_window=100&max_new_tokens=100", "max_new_tokens must be below context_window", "gptj.E002"),
        ("openai+http:///v1", "not of the form", "gptj.E003"),
        ("openai+http://host:99999/v1", "not of the form", "gptj.E003"),
        ("openai+http://169.254.169.254/v1", "link-local", "gptj.E003"),
        ("openai+http://[fe80::1%25eth0]/v1", "link-local", "gptj.E003"),
        ("openai+https://[::ffff:169.254.169.254]/v1", "link-local", "gptj.E003"),
        ("openai+http://[fd00:ec2::254]/v1", "link-local", "gptj.E003"),
    ],
)
def test_what_cannot_be_used_says_why_and_shows_no_secret(url: str, said: str, check_id: str) -> None:
    with pytest.raises(Misconfigured, match=said.replace("(", r"\(")) as raised:
        make("default", {"URL": url, "API_KEY": ""})
    assert raised.value.check_id == check_id
    assert "canary" not in str(raised.value) + raised.value.hint
    assert raised.value.__suppress_context__ or "canary" not in repr(raised.value.__context__)


def test_an_unknown_option_names_the_valid_ones() -> None:
    with pytest.raises(Misconfigured) as raised:
        make("default", {"URL": "openai+http://host/v1?modle=x", "API_KEY": ""})
    common = "label, context_window, max_new_tokens, temperature, top_p, concurrency, timeout_s"
    assert raised.value.hint == f"The options are {common}, model, mode."


def test_a_small_window_halves_what_a_reply_may_have() -> None:
    assert make("default", {"URL": "echo://?context_window=300", "API_KEY": ""}).max_new_tokens == 150


def test_the_schemes_query_and_path_reach_the_backend() -> None:
    model = make("vllm", {"URL": "openai+https://host:8000/v1?model=org/name", "API_KEY": "k"})
    assert isinstance(model, OpenAICompatible)
    assert (model.url, model.options.model, model.label) == ("openai+https://host:8000/v1", "org/name", "org/name")


async def test_one_that_cannot_be_made_keeps_the_process_from_starting(use_models: UseModels) -> None:
    use_models(default="echo://", broken="echo://?x=1")
    with pytest.raises(Misconfigured):
        await generators.start()


def test_making_models_logs_no_key(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.GPTJ_MODELS = {"default": {"URL": "openai+http://host/v1", "API_KEY": "canary"}}
    with caplog.at_level(logging.DEBUG):
        made: Any = generators["default"]
    assert "canary" not in caplog.text + repr(made)


DOWN, WELL = State(condition=Condition.DOWN), State(condition=Condition.OK)


def test_without_a_fallback_the_model_alone_is_asked_down_or_not(use_models: UseModels) -> None:
    use_models(default="scripted://", spare="scripted://")
    generators["default"].become(DOWN)
    assert generators.candidates("default") == [generators["default"]]


def test_the_fallback_is_asked_after_the_model_and_before_one_that_is_down(
    use_models: UseModels, settings: Settings
) -> None:
    use_models(default="scripted://", spare="scripted://")
    settings.GPTJ_FALLBACK = "spare"
    model, spare = generators["default"], generators["spare"]
    assert generators.candidates("default") == [model, spare]
    model.become(DOWN)
    assert generators.candidates("default") == [spare, model]
    spare.become(DOWN)
    assert generators.candidates("default") == [model, spare]
    spare.become(WELL)
    model.become(WELL)
    assert generators.candidates("default") == [model, spare]
    assert generators.candidates("spare") == [spare]


def test_a_model_that_nobody_has_looked_at_for_a_while_is_tried_again(
    use_models: UseModels, settings: Settings
) -> None:
    use_models(default="scripted://", spare="scripted://")
    settings.GPTJ_FALLBACK = "spare"
    model = generators["default"]
    model.become(DOWN)
    model._told_at -= BELIEVED_S
    assert generators.candidates("default")[0] is model
    model.become(DOWN)  # a look, or a call, found it so again
    assert generators.candidates("default")[-1] is model
