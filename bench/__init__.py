"""How fast the chat relays a model's tokens: side by side with the bare floor and with peers, in one run.

mock_model  a model server that stamps every token with the time
floor       the least that relays tokens to a browser: uvicorn and aiohttp, no Django
load        people who each send one message and collect the reply
measure     what a run cost and how late its tokens came
stores      PostgreSQL and Valkey for a run
turns       what a turn takes apart from its tokens
processes   one to four of them, PostgreSQL and Redis between
run         every server in turn, the same load, ratios to the floor
peers       Chainlit, Gradio and Open WebUI beside them
filling     many people's conversations of a month in a database
pages       how long each page and query takes in it, and by what plan
growth      SQLite and PostgreSQL with a million messages
wanted      what was wanted of these figures
report      all of that, written into docs/performance.md
"""
