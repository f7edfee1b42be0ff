"""The conversation app."""

from django.apps import AppConfig


class ChatConfig(AppConfig):
    """Registers the models and the checks."""

    name = "chat"
    verbose_name = "Conversations"

    def ready(self) -> None:
        """Register what `manage.py check` asks of this app."""
        from chat import checks  # noqa: F401, PLC0415 (checks need the app registry)
