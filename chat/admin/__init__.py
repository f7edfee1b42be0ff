"""What staff may look into, and do about it."""

from chat.admin import sessions

__all__ = ["sessions"]
