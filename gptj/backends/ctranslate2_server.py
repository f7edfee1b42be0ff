"""GPT-J's own process: CTranslate2 behind a small HTTP server on loopback. Run alone by `child.Supervisor`.

It speaks as much of the OpenAI API as `completions.Completions` asks for: /v1/models, /v1/completions, /tokenize.
"""

import hmac
import json
import sys
import threading
from collections.abc import Generator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gptj.backends import lifeline
else:
    # Run as a file, without the package around it, which would bring Django and its memory.
    sys.path.insert(0, str(Path(__file__).parent))
    import lifeline

    sys.path.pop(0)

NO_PACKAGE = "CTranslate2 is not installed: pip install --no-deps -r requirements-gptj.txt."
END = "<|endoftext|>"
UNFINISHED = "\ufffd"  # what a piece of a character's bytes is decoded to
LONGEST_CHARACTER = 4  # bytes, and so tokens at most


def main() -> None:
    """Load the model, serve it, and wait to be ended."""
    config = lifeline.tie()
    if any(find_spec(name) is None for name in ("ctranslate2", "tokenizers", "numpy")):
        lifeline.report(failed=NO_PACKAGE)
        return
    try:
        model = Model(config)
    except (RuntimeError, ValueError, OSError) as error:
        lifeline.report(failed=f"CTranslate2 cannot load {config['path']}: {error}")
        return
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Handler.model = model
    Handler.api_key = config["api_key"]
    lifeline.report(ready=server.server_port)
    server.serve_forever()


class Model:
    """The weights and the tokenizer; one reply at a time."""

    def __init__(self, config: dict[str, Any]) -> None:
        # Installed apart, and missing where the types are checked.
        ctranslate2, tokenizers = import_module("ctranslate2"), import_module("tokenizers")
        self.name = Path(config["path"]).name
        self.window: int = config["context_window"]
        self._turn = threading.Lock()
        own = Path(config["path"], "tokenizer.json")
        if own.is_file():
            self._tokenizer = tokenizers.Tokenizer.from_file(str(own))
        else:
            bpe = tokenizers.models.BPE.from_file(config["vocabulary"], config["merges"])
            self._tokenizer = tokenizers.Tokenizer(bpe)
            self._tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
            self._tokenizer.decoder = tokenizers.decoders.ByteLevel()
        self._generator = ctranslate2.Generator(
            config["path"], device="cpu", compute_type=config["compute_type"], intra_threads=lifeline.threads()
        )

    def tokens(self, text: str) -> list[str]:
        """Return the tokens of `text`, as the vocabulary writes them."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).tokens)

    def write(self, prompt: list[str], asked: dict[str, Any]) -> Generator[tuple[str, str | None], None, None]:
        """Give the text that follows `prompt`, token by token; with the last piece why it ends: stop or length."""
        limit = int(asked.get("max_tokens") or 256)
        temperature = asked.get("temperature")
        chooses = temperature is None or temperature > 0
        with self._turn:
            steps = self._generator.generate_tokens(
                prompt,
                max_length=limit,
                sampling_topk=0 if chooses else 1,
                sampling_topp=asked.get("top_p") or 1,
                sampling_temperature=temperature or 1,
                end_token=END,
            )
            yield from self._told(steps, limit)

    def _told(self, steps: Any, limit: int) -> Generator[tuple[str, str | None], None, None]:
        ids: list[int] = []  # of bytes that are not yet a whole character
        made = 0
        for step in steps:
            made += 1
            if step.token == END:
                yield "", "stop"
                return
            ids.append(step.token_id)
            text = self._tokenizer.decode(ids)
            whole = not text.endswith(UNFINISHED) or len(ids) > LONGEST_CHARACTER
            yield text if whole else "", None
            if whole:
                ids = []
        yield "", "length" if made >= limit else "stop"


class Handler(BaseHTTPRequestHandler):
    """Answers its parent, and nobody else."""

    model: Model
    api_key: str
    protocol_version = "HTTP/1.0"  # an answer ends with its connection

    def do_GET(self) -> None:
        """List the one model."""
        if self._allowed():
            self._json(200, {"data": [{"id": self.model.name}]})

    def do_POST(self) -> None:
        """Count tokens, or continue a prompt."""
        if not self._allowed():
            return
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/tokenize":
            self._json(200, {"tokens": self.model.tokens(asked["content"])})
            return
        prompt = self.model.tokens(asked["prompt"])
        if len(prompt) + int(asked.get("max_tokens") or 1) > self.model.window:
            self._json(400, {"error": {"code": 400, "type": "exceed_context_size_error"}})
            return
        self._stream(prompt, asked)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the standard library's name)
        """Log nothing: a request is nobody's business."""

    def _stream(self, prompt: list[str], asked: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        made = 0
        try:
            with closing(self.model.write(prompt, asked)) as writing:
                for text, reason in writing:
                    made += reason is None
                    self._event({"choices": [{"text": text, "finish_reason": reason}], "model": self.model.name})
            usage = {"prompt_tokens": len(prompt), "completion_tokens": made}
            self._event({"choices": [], "usage": usage})
            self.wfile.write(b"data: [DONE]\n\n")
        except OSError:  # whoever asked has gone: nothing more is made
            self.close_connection = True

    def _event(self, what: dict[str, Any]) -> None:
        self.wfile.write(f"data: {json.dumps(what)}\n\n".encode())
        self.wfile.flush()

    def _allowed(self) -> bool:
        given = self.headers.get("Authorization", "")
        if hmac.compare_digest(given.encode(), f"Bearer {self.api_key}".encode()):
            return True
        self._json(401, {"error": {"code": 401}})
        return False

    def _json(self, status: int, what: dict[str, Any]) -> None:
        body = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    main()
