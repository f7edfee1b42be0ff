"""How the chat server is brought to where it runs."""
