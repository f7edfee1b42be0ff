"""`manage.py check` and the models."""

from pathlib import Path

import pytest
from django.core.checks import CheckMessage, run_checks
from pytest_django import Settings

from gptj.tests.conftest import UseModels

pytestmark = pytest.mark.django_db  # Django 6.1 asks the database when it checks the models


def found() -> list[CheckMessage]:
    return [message for message in run_checks() if (message.id or "").startswith("gptj")]


def test_well_configured_models_pass(use_models: UseModels) -> None:
    use_models(default="embedded://", other="openai+https://api.example.com/v1?model=x", third="echo://")
    assert found() == []


def test_each_broken_model_is_named_with_a_hint(use_models: UseModels) -> None:
    use_models(default="echo://?colour=red", other="gopher://host", third="openai+http://169.254.169.254/v1")
    assert [(message.id, message.msg) for message in found()] == [
        ("gptj.E002", "Model 'default': there is no option 'colour'."),
        ("gptj.E001", "Model 'other': 'gopher' is no known kind of model."),
        ("gptj.E003", "Model 'third': Its address is link-local, which is refused."),
    ]
    assert all(message.hint for message in found())


def test_a_fallback_must_be_configured(use_models: UseModels, settings: Settings) -> None:
    use_models(default="echo://", spare="echo://")
    settings.GPTJ_FALLBACK = "spare"
    assert found() == []
    settings.GPTJ_FALLBACK = "sparse"
    assert [message.id for message in found()] == ["gptj.E004"]


def test_a_timeout_must_be_above_0(use_models: UseModels, settings: Settings) -> None:
    use_models(default="echo://")
    settings.GPTJ_GAP_TIMEOUT_S = 0
    assert [(message.id, message.msg) for message in found()] == [("gptj.E006", "GPTJ_GAP_TIMEOUT_S is not above 0.")]


def test_there_must_be_a_default(use_models: UseModels) -> None:
    use_models(other="echo://")
    assert [message.id for message in found()] == ["gptj.E005"]


def test_a_missing_file_is_a_warning_since_the_server_starts_without_it(use_models: UseModels, tmp_path: Path) -> None:
    use_models(default=f"embedded://{tmp_path}/none.gguf")
    (warning,) = found()
    assert (warning.id, warning.is_serious()) == ("gptj.W001", False)
    assert warning.msg == f"Model 'default': There is no file {tmp_path}/none.gguf."
