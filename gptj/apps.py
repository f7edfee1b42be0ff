"""The app: text generation."""

from django.apps import AppConfig


class GptjConfig(AppConfig):
    """Registers the system checks."""

    name = "gptj"
    verbose_name = "Text generation"

    def ready(self) -> None:
        """Register what `manage.py check` asks."""
        from gptj import checks  # noqa: F401, PLC0415 (importing registers it, once the apps are known)
