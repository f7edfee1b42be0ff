"""`manage.py shell`: Django's own, with gptj's functions at hand."""

from django.core.management.commands import shell


class Command(shell.Command):
    """Imports `gptj`, and what a person uses of it, too."""

    def get_auto_imports(self) -> list[str]:
        """Return what is imported when the shell begins."""
        at_hand = ("generate", "stream", "agenerate", "astream", "models", "generators", "Turn", "Sampling")
        return [*(super().get_auto_imports() or []), "gptj", *(f"gptj.{name}" for name in at_hand)]
