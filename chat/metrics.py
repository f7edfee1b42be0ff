"""What an operator may count: sockets, turns, models, and the parts beneath. A label never holds an id or text.

All of it lives in this process, and `GET /metrics` shows it; whoever gathers it adds the processes up.
"""

from typing import Protocol

from prometheus_client import Counter, Gauge, Histogram

from chat.protocol import Close

# Seconds; each kind of time in steps about where it usually is.
QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
PATIENT = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160)
# Ours, and those of RFC 6455, 7.4.1; what else a client says is "other".
CLOSE_CODES = frozenset({*Close, 1000, 1001, 1005, 1006, 1009, 1011, 1012})

# --- Sockets ---------------------------------------------------------------------------------------------------------

SOCKETS = Gauge("chat_sockets", "WebSockets open now")
CLOSES = Counter("chat_socket_closes", "WebSockets closed, by the code of docs/protocol.md", ["code"])
RESUMES = Counter("chat_resumes", "Tabs that came back: `continued`, or `reset` if they were too far behind", ["how"])
REFUSALS = Counter("chat_refusals", "Error frames sent, by code", ["code"])
DUPLICATES = Counter("chat_duplicates_refused", "Messages sent twice and stored once")

# --- Replies ---------------------------------------------------------------------------------------------------------

MAKING = Gauge("chat_replies_making", "Replies being made or in line now")
QUEUE = Gauge("chat_queue_length", "Replies in line at a model now", ["model"])
MODEL_WELL = Gauge("chat_model_well", "1 while a model can answer, as far as is known", ["model"])
REPLIES = Counter("chat_replies", "Replies that ended", ["model", "status"])
MODEL_ERRORS = Counter("chat_model_errors", "Replies, or tries at one model of several, that failed", ["model", "code"])
QUEUED = Histogram("chat_queued_seconds", "From a message to its reply's turn", ["model"], buckets=PATIENT)
FIRST_TOKEN = Histogram("chat_first_token_seconds", "From a message to its reply's text", ["model"], buckets=PATIENT)
REPLY = Histogram("chat_reply_seconds", "From a message to its reply's end", ["model"], buckets=PATIENT)
TOKENS = Counter("chat_tokens", "Tokens of ended replies, as the models count them", ["model", "kind"])
LEASES = Counter("chat_leases_taken_over", "Replies taken up from a process that was lost")

# --- Beneath ---------------------------------------------------------------------------------------------------------

PART_FAILURES = Counter("chat_part_failures", "Calls that a part without which chat goes on did not answer", ["part"])
DATABASE = Histogram("chat_database_seconds", "Database work", ["pool"], buckets=QUICK)
DATABASE_WAIT = Histogram("chat_database_wait_seconds", "Waiting for a database thread", ["pool"], buckets=QUICK)
DATABASE_FAILURES = Counter("chat_database_failures", "Calls that the database did not answer", ["pool"])
LAG = Histogram("chat_event_loop_lag_seconds", "How late the event loop is, looked at twice a second", buckets=QUICK)
REQUESTS = Counter("chat_http_responses", "HTTP responses, by route", ["route", "status"])
REQUEST = Histogram("chat_http_seconds", "HTTP requests, by route", ["route"], buckets=QUICK)


class Usage(Protocol):
    """A reply's figures, as the wire has them."""

    queued_ms: int | None
    first_token_ms: int | None
    total_ms: int | None
    prompt_tokens: int | None
    completion_tokens: int | None


def socket_closed(code: int) -> None:
    """Count a socket that is gone, by the server's own code, or else by whatever the client said."""
    CLOSES.labels(str(int(code)) if code in CLOSE_CODES else "other").inc()


def reply_ended(model: str, status: str, *, error_code: str = "", usage: Usage | None = None) -> None:
    """Count a reply at its end, which costs nothing for each token."""
    REPLIES.labels(model, status).inc()
    if error_code:
        MODEL_ERRORS.labels(model, error_code).inc()
    if usage is None:
        return
    for histogram, ms in ((QUEUED, usage.queued_ms), (FIRST_TOKEN, usage.first_token_ms), (REPLY, usage.total_ms)):
        if ms is not None:
            histogram.labels(model).observe(ms / 1000)
    for kind, tokens in (("prompt", usage.prompt_tokens), ("completion", usage.completion_tokens)):
        TOKENS.labels(model, kind).inc(tokens or 0)
