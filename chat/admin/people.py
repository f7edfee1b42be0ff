"""Visitors, the log of reveals, and the users and groups who are the staff."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from chat.admin.common import ModelAdmin, ReadOnly
from chat.models import Reveal, Visitor


@admin.register(Visitor)
class VisitorAdmin(ReadOnly):
    """Visitors; they are blocked on a session's page."""

    list_display = ["name", "id", "created_at", "blocked_at"]
    list_filter = ["created_at", ("blocked_at", admin.EmptyFieldListFilter)]
    search_fields = ["name"]
    ordering = ["-created_at", "-id"]
    fields = ["id", "name", "created_at", "blocked_at"]


@admin.register(Reveal)
class RevealAdmin(ReadOnly):
    """Who was shown what people wrote, and when."""

    list_display = ["at", "username", "what", "session"]
    list_filter = ["what", "at"]
    search_fields = ["username", "session"]


admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class StaffUserAdmin(UserAdmin, ModelAdmin):  # type: ignore[type-arg]  # generic for the type checker only
    """Django's own, in the looks of the rest."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class StaffGroupAdmin(GroupAdmin, ModelAdmin):
    """Django's own, in the looks of the rest."""
