"""A long life in a moment: conversations written into a server's database, as if they had been held."""

from tests_e2e.served import Served

FILL = '''
from datetime import timedelta
from uuid import UUID, uuid4
from django.utils import timezone
from chat.history import searching
from chat.models import ChatSession, Message

CODE = """Here is **step {n}**: it reads the file, counts its words and says what it found.

```python
def step_{n}(path: str, *, limit: int = {n}) -> dict[str, int]:
    \\"\\"\\"Count the words of a file, the rarest first.\\"\\"\\"
    counts: dict[str, int] = {{}}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            for word in line.lower().split():
                counts[word] = counts.get(word, 0) + 1
    return dict(sorted(counts.items(), key=lambda pair: pair[1])[:limit])
```

- It takes `limit` words at most.
- A missing file raises `FileNotFoundError`.

| input | output |
| --- | --- |
| empty | `{{}}` |
| a b a | b: 1, a: 2 |
"""

def messages(session, count):
    parent, made = None, []
    for n in range(1, count + 1):
        asked = n % 2 == 1
        made.append(Message(
            id=uuid4(), session=session, parent=parent, depth=n - 1, n=n, seq=n + 1, client_id=uuid4(),
            role="user" if asked else "assistant", status="complete", attempt=0 if asked else 1,
            text=f"Question {n}: what does step {n} do?" if asked else CODE.format(n=n),
            finish="" if asked else "stop", model="" if asked else "default",
        ))
        parent = made[-1]
    Message.objects.bulk_create(made, batch_size=100)
    searching.keep_all((message.id, session.visitor_id, message.text) for message in made)
    return made

def fill(visitor, sessions, count):
    now = timezone.now()
    ChatSession.objects.bulk_create([
        ChatSession(
            visitor_id=visitor, title=f"Conversation {n}", model="default", updated_at=now - timedelta(minutes=n)
        )
        for n in range(1, sessions + 1)
    ], batch_size=500)
    if not count:
        return
    long = ChatSession.objects.create(visitor_id=visitor, title="A long one", model="default", updated_at=now)
    made = messages(long, count)
    long.leaf, long.length, long.head, long.seq = made[-1], count, count + 2, count + 2
    long.save()
'''


def fill(server: Served, visitor: str, *, sessions: int = 0, messages: int = 0) -> None:
    """Give a visitor so many empty conversations, and before them a long one of so many messages with code."""
    server.manage("shell", "--verbosity", "0", "--command", f"{FILL}\nfill({visitor!r}, {sessions}, {messages})")
