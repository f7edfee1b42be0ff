"""Other chat servers under the same load, each in an environment of its own and talked to as its own page does.

chainlit_app  a chat in Chainlit; runs in .venv/peers/chainlit
gradio_app    a chat in Gradio; runs in .venv/peers/gradio
openwebui     Open WebUI from .venv/peers/openwebui, and how its page talks with it
lines         how the pages of the other two talk with them
run           every peer in turn beside the floor and the chat, and ratios
"""
