"""Loads packages without what they bring along for uses that nothing here has: 20 MB of a web process."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

# No model here has a field of PostgreSQL's own; their driver takes 9 MB.
UNFOLD_WITHOUT: Mapping[str, ModuleType | None] = {
    "django.contrib.postgres.fields": None,
    "django.contrib.postgres.search": None,
}


def load_unfold() -> None:
    """Import unfold's admin as if PostgreSQL's fields were not installed, for which it is made."""
    with _standing_in(UNFOLD_WITHOUT):
        import_module("unfold.admin")


def load_daphne() -> None:
    """Import Daphne's server, which installs Twisted's asyncio reactor, without TLS and without WAMP: 12 MB.

    TLS ends before this server, and Twisted is made to do without OpenSSL. Autobahn's protocol above WebSockets is
    loaded with them only so that `autobahn.twisted` can name its session.
    """
    wamp = ModuleType("autobahn.twisted.wamp")
    vars(wamp)["ApplicationSession"] = None
    with _standing_in({"OpenSSL": None, wamp.__name__: wamp}):
        import_module("daphne.server")


def load_structlog() -> None:
    """Import structlog without its way to Twisted's log, and without what draws tracebacks, where that is installed.

    Rich takes 3 MB, and would show the values of variables.
    """
    with _standing_in({"rich": None, "better_exceptions": None, "structlog.twisted": None}):
        import_module("structlog")


@contextmanager
def _standing_in(modules: Mapping[str, ModuleType | None]) -> Iterator[None]:
    """Put `modules` in the place of those not yet loaded; None stands for what cannot be imported."""
    absent = {name: module for name, module in modules.items() if name not in sys.modules}
    sys.modules.update(absent)  # type: ignore[arg-type]  # the import system knows what None means
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
