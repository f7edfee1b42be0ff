"""The conversation app, and the admin that looks into it."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin

from chat.lean import load_unfold


class ChatConfig(AppConfig):
    """Registers the models and the checks."""

    name = "chat"
    verbose_name = "Conversations"
    default = True

    def ready(self) -> None:
        """Register what `manage.py check` asks of this app."""
        from chat import checks  # noqa: F401, PLC0415 (checks need the app registry)


class StaffConfig(admin.AdminConfig):
    """Django's admin with this app's own site."""

    default = False
    default_site = "chat.staff.StaffSite"

    def ready(self) -> None:
        """Load the admin of every app."""
        load_unfold()
        super().ready()
