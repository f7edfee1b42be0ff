"""What staff may inspect: sessions with their messages. Nothing is changed here."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from chat.history.reading import branch
from chat.models import ChatSession, Message

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    from unfold.admin import ModelAdmin  # not typed

SHOWN = 200  # messages on a session's page; the rest is a link away


class ReadOnly(ModelAdmin):
    """Looked at, never changed."""

    actions = None
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nothing is added by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is changed by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is deleted by hand."""
        return False


@admin.register(ChatSession)
class ChatSessionAdmin(ReadOnly):
    """Sessions, and the conversation in each."""

    list_display = ["title_or_id", "visitor", "model", "messages_count", "updated_at"]
    list_filter = ["model", "updated_at", "created_at"]
    search_fields = ["title", "visitor__name", "messages__text"]
    search_help_text = "Title, visitor's name, or words in a message"
    list_select_related = ["visitor"]
    date_hierarchy = "updated_at"
    fields = [
        "id",
        "visitor",
        "title",
        "model",
        "system_prompt",
        "sampling",
        "messages_count",
        "created_at",
        "updated_at",
        "conversation",
    ]
    readonly_fields = ["messages_count", "conversation"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChatSession]:
        """Latest activity first."""
        return super().get_queryset(request).order_by("-updated_at", "-id")

    @admin.display(description="session", ordering="title")
    def title_or_id(self, session: ChatSession) -> str:
        """Return what the session is called."""
        return str(session)

    @admin.display(description="messages", ordering="length")
    def messages_count(self, session: ChatSession) -> SafeString:
        """Return how many messages there are, as a link to them all."""
        url = f"{reverse('admin:chat_message_changelist')}?session__id__exact={session.id}"
        return format_html('<a href="{}">{}</a>', url, session.length)

    @admin.display(description="conversation")
    def conversation(self, session: ChatSession) -> SafeString:
        """Return the end of the branch that is shown."""
        rows = (
            (message.role, message.created_at.strftime("%Y-%m-%d %H:%M:%S"), _state(message), message.text or "…")
            for message in branch(session.leaf_id, SHOWN)
        )
        return format_html_join("", "<p><strong>{}</strong> {} {}</p><pre>{}</pre>", rows) or format_html("{}", "…")


def _state(message: Message) -> str:
    """Return a message's status, and why it failed."""
    return f"{message.status}: {message.error_code}" if message.error_code else message.status


@admin.register(Message)
class MessageAdmin(ReadOnly):
    """Messages, and what each reply was made from."""

    list_display = ["n", "session", "role", "status", "error_code", "model", "created_at"]
    list_display_links = ["n"]
    list_filter = ["role", "status", "error_code", "model", "created_at"]
    search_fields = ["text"]
    list_select_related = ["session"]
