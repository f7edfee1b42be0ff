"""`manage.py prompt "..."`: try a prompt by hand; the answer is streamed to the terminal."""

import json
import os
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gptj.backends.base import Finished, Piece
from gptj.exceptions import GenerationError
from gptj.shortcuts import Wishes, events


class Command(BaseCommand):
    """Prints the answer alone to standard output; all else goes to standard error."""

    help = (
        'Ask a model: prompt "What is the capital of France?". From a file: --file PATH. From a pipe: no text, or "-".'
    )
    requires_system_checks = ()  # one model that is set up wrongly does not keep the others from being tried

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say what may be given."""
        parser.add_argument("text", nargs="?", default="-", help='the prompt; "-" reads standard input')
        parser.add_argument("--file", type=Path, help="read the prompt from this file")
        parser.add_argument("--using", default="default", metavar="ALIAS", help="which model")
        parser.add_argument("--system", help="a system prompt")
        parser.add_argument("--temperature", type=_between(float, 0, 2), help="0 to 2")
        parser.add_argument("--top-p", type=_between(float, 1e-6, 1), help="above 0, to 1")
        parser.add_argument("--max-new-tokens", type=_between(int, 1, 1_000_000), help="at least 1")
        parser.add_argument("--seed", type=_between(int, 0, 2**31 - 1), help="0 to 2147483647")
        parser.add_argument("--stats", action="store_true", help="print tokens and times")
        parser.add_argument("--json", action="store_true", help="print one JSON object: text, finish, tokens, times")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Ask and print. Exits with status 1 and the reason if there is no whole answer, 130 after Ctrl-C,
        141 once nobody reads any more.
        """
        names = ("using", "system", "temperature", "top_p", "max_new_tokens", "seed")
        wishes: Wishes = {name: options[name] for name in names}  # type: ignore[assignment]  # the parser's names
        try:
            self._ask(
                _prompt(options["text"], options["file"]), wishes, stats=options["stats"], as_json=options["json"]
            )
        except GenerationError as error:
            raise CommandError(f"{error.code}: {error.detail}") from error
        except KeyboardInterrupt:
            self.stderr.write("\nStopped.")
            sys.exit(130)
        except BrokenPipeError:
            # Python would fail once more when it flushes standard output at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(141)

    def _ask(self, prompt: str, wishes: Wishes, *, stats: bool, as_json: bool) -> None:
        begun = time.monotonic()
        first: float | None = None
        text = ""
        for event in events(prompt, **wishes):
            if isinstance(event, Piece):
                first = first or time.monotonic()
                text += event.text
                if not as_json:
                    self.stdout.write(event.text, ending="")
                    self.stdout.flush()
            else:
                figures = _figures(event, begun, first)
        if as_json:
            self.stdout.write(json.dumps({"text": text, **figures}, ensure_ascii=False))
            return
        self.stdout.write("")
        if stats:
            self.stderr.write(", ".join(f"{name} {value}" for name, value in figures.items()))


def _prompt(text: str, file: Path | None) -> str:
    if file is not None and text != "-":
        raise CommandError("There are two prompts: give a text, or --file.")
    try:
        if file is not None:
            prompt = file.read_text("utf-8")
        else:
            prompt = sys.stdin.buffer.read().decode() if text == "-" else text
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"The prompt cannot be read: {error}") from error
    if not prompt.strip():
        raise CommandError('There is no prompt. Try: manage.py prompt "What is the capital of France?"')
    return prompt


def _figures(finished: Finished, begun: float, first: float | None) -> dict[str, Any]:
    """Return what an answer took; times in milliseconds."""
    now = time.monotonic()
    tokens = finished.completion_tokens
    rate = (tokens - 1) / (now - first) if tokens and tokens > 1 and first and now > first else None
    return {
        "finish": finished.reason,
        "model": finished.model,
        "prompt_tokens": finished.prompt_tokens,
        "completion_tokens": tokens,
        "first_token_ms": first and round(1000 * (first - begun)),
        "total_ms": round(1000 * (now - begun)),
        "tokens_per_s": rate and round(rate, 1),
    }


def _between(kind: Callable[[str], float], least: float, most: float) -> Callable[[str], float]:
    """Return a parser of a number within that range."""

    def parse(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            raise ArgumentTypeError(f"{text!r} is no number") from None
        if not least <= value <= most:
            raise ArgumentTypeError(f"must be from {least:g} to {most:g}")
        return value

    return parse
