"""Loads unfold without PostgreSQL's own fields, which no model here has: with their driver, 9 MB of a web process."""

import sys
from importlib import import_module

UNUSED = ("django.contrib.postgres.fields", "django.contrib.postgres.search")


def load_unfold() -> None:
    """Import unfold's admin as if these were not installed, for which it is made."""
    absent = [name for name in UNUSED if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None stands for what cannot be imported
    try:
        import_module("unfold.admin")
    finally:
        for name in absent:
            del sys.modules[name]
