"""`manage.py prompt`, as a process of its own."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import sys
from django.conf import settings
from django.core.management import execute_from_command_line
settings.configure(
    INSTALLED_APPS=["gptj"],
    GPTJ_MODELS={
        "default": {"URL": "echo://", "API_KEY": ""},
        "slow": {"URL": "echo://?delay_s=0.2", "API_KEY": ""},
        "away": {"URL": "openai+http://127.0.0.1:1/v1", "API_KEY": ""},
    },
    GPTJ_RETRY_AFTER_S=(),
)
execute_from_command_line(["manage.py", "prompt", *sys.argv[1:]])
"""


def prompt(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", CODE, *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False)


def test_the_answer_alone_goes_to_standard_output() -> None:
    done = prompt("Hello there", "--stats")
    assert (done.returncode, done.stdout) == (0, "Hello there\n")
    assert "finish stop, model echo" in done.stderr


def test_the_prompt_comes_from_a_pipe_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "prompt.txt"
    file.write_text("from a file")
    assert prompt(given="from a pipe").stdout == "from a pipe\n"
    assert prompt("--file", str(file)).stdout == "from a file\n"


def test_json_holds_text_and_figures() -> None:
    answer = json.loads(prompt("one two three", "--json", "--max-new-tokens", "2").stdout)
    assert (answer["text"], answer["finish"], answer["completion_tokens"]) == ("one two", "length", 2)
    assert answer["total_ms"] >= answer["first_token_ms"] >= 0


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (
            ("Hi", "--using", "nobody"),
            1,
            "unknown_model: There is no model 'nobody'. Choose one of default, slow, away.",
        ),
        (("Hi", "--using", "away"), 1, "upstream_unavailable: The model's server cannot be reached."),
        ((" ",), 1, "There is no prompt."),
        (("--file", "/nowhere"), 1, "The prompt cannot be read"),
        (("--file", sys.executable), 1, "The prompt cannot be read: 'utf-8'"),
        (("Hi", "--file", "/nowhere"), 1, "There are two prompts"),
        (("Hi", "--temperature", "3"), 2, "must be from 0 to 2"),
        (("Hi", "--top-p", "much"), 2, "'much' is no number"),
    ],
)
def test_what_goes_wrong_is_said_in_a_sentence(arguments: tuple[str, ...], status: int, said: str) -> None:
    done = prompt(*arguments)
    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (status, True, False), done.stderr


def test_who_stops_reading_ends_the_answer_without_a_word() -> None:
    command = [sys.executable, "-c", CODE, "one " * 1000, "--using", "slow"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(3) == b"one"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(10) == 141


def test_ctrl_c_stops_the_answer_and_keeps_what_came() -> None:
    command = [sys.executable, "-c", CODE, "one " * 1000, "--using", "slow"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.read(3) == b"one"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 130
    assert errors == b"\nStopped.\n"
