"""What staff may look into, and what they may do about it. Reads the models; every write goes through `history`.

Message text, titles and system prompts are what people wrote: they stay hidden until revealed, and the log of reveals
is what opens them (`chat.history.staff`). Lists show figures alone.

common       what the pages have in common
lists        a page of a list: which rows are on it
rows         how its rows are drawn
sessions     the list of sessions, one as a conversation, and what can be done about it
messages     the list of messages, a reply with all that it was made from, and asking for a replay
replays      a replay beside its reply
people       visitors, reveals, users and groups
dashboard    the first page
figures      what the dashboard counts
charts       figures as shapes
differences  two texts side by side
"""

from django.contrib import admin

from chat.admin import dashboard, messages, people, replays, sessions

__all__ = ["dashboard", "messages", "people", "replays", "sessions"]

admin.site.index_template = "admin/chat/dashboard.html"
