"""A chat in Gradio that relays the model's tokens, as its documentation does.

Run as: MODEL_URL=http://... .venv/peers/gradio/bin/python bench/peers/gradio_app.py PORT
"""

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import gradio

sys.path.insert(0, str(Path(__file__).parent))
from model import tokens


async def answer(message: str, history: list[Any]) -> AsyncIterator[str]:
    """Give the answer as far as it is, after each token, as Gradio wants it."""
    text = ""
    async for token in tokens(message):
        text += token
        yield text


if __name__ == "__main__":
    chat = gradio.ChatInterface(answer, concurrency_limit=None)
    chat.queue(max_size=None)
    chat.launch(server_name="127.0.0.1", server_port=int(sys.argv[1]), quiet=True)
