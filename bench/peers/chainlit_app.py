"""A chat in Chainlit that relays the model's tokens, as its documentation does.

Run as: MODEL_URL=http://... .venv/peers/chainlit/bin/chainlit run bench/peers/chainlit_app.py --headless --port PORT
"""

import sys
from pathlib import Path

import chainlit

sys.path.insert(0, str(Path(__file__).parent))
from model import tokens


@chainlit.on_message
async def answer(said: chainlit.Message) -> None:
    """Relay the answer to a message, a token at a time."""
    reply = chainlit.Message(content="")
    async for token in tokens(said.content):
        await reply.stream_token(token)
    await reply.send()
