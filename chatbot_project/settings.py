"""Every setting. The environment is read in the first block and nowhere else."""

import socket
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static

BASE_DIR = Path(__file__).resolve().parent.parent

# --- The environment -------------------------------------------------------------------------------------------------

env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")

DEBUG: bool = env.bool("DEBUG", default=False)
DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / "data")))
HOST: str = env.str("HOST", default="127.0.0.1")
PORT: int = env.int("PORT", default=8000)
_secret_key: str = env.str("SECRET_KEY", default="")
_allowed_hosts: list[str] = env.list("ALLOWED_HOSTS", default=[])
_origins: list[str] = env.list("ORIGINS", default=[])
TRUSTED_PROXY_COUNT: int = env.int("TRUSTED_PROXY_COUNT", default=0)
_database_url: str = env.str("DATABASE_URL", default="")
REDIS_URL: str = env.str("REDIS_URL", default="")
WEB_CONCURRENCY: int = env.int("WEB_CONCURRENCY", default=1)
SESSION_TTL_S: int = env.int("SESSION_TTL_S", default=0)
RETENTION_DAYS: int = env.int("RETENTION_DAYS", default=0)
METRICS_TOKEN: str = env.str("METRICS_TOKEN", default="")
LOG_FORMAT: str = env.str("LOG_FORMAT", default="console")
LEASE_S: int = env.int("LEASE_S", default=20)
GPTJ_URL: str = env.str("GPTJ_URL", default="embedded://")
GPTJ_URLS: str = env.str("GPTJ_URLS", default="")
GPTJ_FALLBACK: str = env.str("GPTJ_FALLBACK", default="")
GPTJ_CONNECT_TIMEOUT_S: float = env.float("GPTJ_CONNECT_TIMEOUT_S", default=5.0)
GPTJ_FIRST_TOKEN_TIMEOUT_S: float = env.float("GPTJ_FIRST_TOKEN_TIMEOUT_S", default=60.0)
GPTJ_GAP_TIMEOUT_S: float = env.float("GPTJ_GAP_TIMEOUT_S", default=30.0)
GPTJ_TOTAL_TIMEOUT_S: float = env.float("GPTJ_TOTAL_TIMEOUT_S", default=180.0)
_gptj_keys: dict[str, str] = {name: value for name, value in env.ENVIRON.items() if name.startswith("GPTJ_API_KEY")}

LIMITS: dict[str, int] = {
    "text": env.int("LIMIT_TEXT", default=4_000),  # UTF-16 code units
    "name": env.int("LIMIT_NAME", default=50),  # UTF-16 code units
    "reply": env.int("LIMIT_REPLY", default=16_000),  # UTF-16 code units
    "sockets": env.int("LIMIT_SOCKETS", default=5),  # at once, a session
    "sockets_per_address": env.int("LIMIT_SOCKETS_PER_ADDRESS", default=20),  # at once
    "sends_per_minute": env.int("LIMIT_SENDS_PER_MINUTE", default=10),  # a session
    "sends_per_minute_per_address": env.int("LIMIT_SENDS_PER_MINUTE_PER_ADDRESS", default=60),
    "sessions_per_hour": env.int("LIMIT_SESSIONS_PER_HOUR", default=20),  # new ones, an address
    "frames_per_10s": env.int("LIMIT_FRAMES_PER_10S", default=30),  # a socket
}

# --- What follows from it --------------------------------------------------------------------------------------------


def _secret() -> str:
    """Return the key that signs cookies: from the environment, else from the file that the first run made."""
    if _secret_key:
        return _secret_key
    kept = DATA_DIR / "secret_key"
    if kept.exists():
        return kept.read_text().strip()
    if DEBUG:
        return "for development only, and known to everyone"
    raise ImproperlyConfigured(
        f"SECRET_KEY is not set, and {kept} does not exist. Set SECRET_KEY to a long random text, the same for every "
        "process, or let `make run` make the file."
    )


def _own_addresses() -> list[str]:
    """Return this machine's IPv4 addresses, loopback left out."""
    try:
        found = socket.getaddrinfo(socket.gethostname(), None, family=socket.AF_INET)
    except socket.gaierror:
        return []
    return sorted({str(address[0]) for *_, address in found} - {"127.0.0.1"})


_names = ["localhost", "127.0.0.1", "[::1]", *(_own_addresses() if HOST == "0.0.0.0" else [])]  # noqa: S104 (compared)
SECRET_KEY = _secret()
ORIGINS = _origins or [f"http://{name}:{PORT}" for name in _names]
ALLOWED_HOSTS = _allowed_hosts or _names

ROOT_URLCONF = "chatbot_project.urls"
ASGI_APPLICATION = "chatbot_project.asgi.application"
INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",  # before Django's admin, whose templates it replaces
    "chat.apps.StaffConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "axes",
    "channels",
    "csp",
    "django_vite",
    "ninja",
    "chat",
    "gptj",
]
MIDDLEWARE = [
    "chat.middleware.told",
    "chatbot_project.headers.safe",
    "django.middleware.security.SecurityMiddleware",
    "chatbot_project.files.StaticFiles",
    "chat.middleware.Cookies",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "chat.middleware.api_errors",
    "axes.middleware.AxesMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- Storage ---------------------------------------------------------------------------------------------------------


def _database() -> dict[str, Any]:
    config: dict[str, Any] = environ.Env.db_url_config(_database_url or f"sqlite:///{DATA_DIR / 'chat.sqlite3'}")
    if config["ENGINE"] == "django.db.backends.sqlite3":
        config["ENGINE"] = "chat.sqlite"
        # IMMEDIATE, since a read that becomes a write fails at once, whatever the timeout.
        config["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 5,  # s, for another's lock to go
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY;",
        }
        # A shared in-memory database fails at once with threads, so tests get a file.
        config["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
    elif config["ENGINE"] == "django.db.backends.postgresql":
        # A process that is frozen in a transaction holds its locks, and nobody else could take up what it makes.
        config["OPTIONS"] = {"options": "-c idle_in_transaction_session_timeout=5s", **config.get("OPTIONS", {})}
    return config


# A thread that Django starts for a request ends with it, and so must its connection; those of `chat.threads` stay.
DATABASES = {"default": {"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True, **_database()}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

if REDIS_URL:
    CACHES: dict[str, Any] = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
            "KEY_PREFIX": "chatbot",
            "OPTIONS": {
                "socket_timeout": 1,  # s; the cache may be absent, never slow
                "socket_connect_timeout": 1,
                "socket_read_size": 16_384,  # bytes; the library's own 64 KB leave gaps (see chat/heap.py)
            },
        }
    }
    CHANNEL_LAYERS: dict[str, Any] = {
        "default": {
            "BACKEND": "chat.layer.Layer",
            "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_timeout": 15, "socket_connect_timeout": 3}]},
        }
    }
else:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "OPTIONS": {"MAX_ENTRIES": 10_000},  # sessions held hot; Django's own 300 would drop them
        }
    }
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

# --- Models ----------------------------------------------------------------------------------------------------------


def _models() -> dict[str, dict[str, str]]:
    """Return each model's URL and key by its alias."""
    urls = {"default": GPTJ_URL}
    for entry in GPTJ_URLS.split():
        alias, separator, url = entry.partition("=")
        if not separator or not alias.isidentifier():
            raise ImproperlyConfigured(f"GPTJ_URLS: {entry.split('?')[0]!r} is not of the form alias=url.")
        urls[alias] = url
    names = {alias: f"GPTJ_API_KEY_{alias.upper()}" for alias in urls}
    shared = {"default": _gptj_keys.get("GPTJ_API_KEY", "")}
    return {
        alias: {"URL": url, "API_KEY": _gptj_keys.get(names[alias], shared.get(alias, ""))}
        for alias, url in urls.items()
    }


GPTJ_MODELS = _models()

# --- The page --------------------------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
PAGE_DIR = BASE_DIR / "frontend" / "dist"
STATICFILES_DIRS = [PAGE_DIR] if PAGE_DIR.exists() else []
# Vite puts a hash into each name; a second one from a manifest storage would load shared modules twice.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "servestatic.storage.CompressedStaticFilesStorage"},
}
DJANGO_VITE = {"default": {"manifest_path": PAGE_DIR / ".vite" / "manifest.json"}}

# --- Safety ----------------------------------------------------------------------------------------------------------

_https = all(urlsplit(origin).scheme == "https" for origin in ORIGINS)
CSRF_TRUSTED_ORIGINS = ORIGINS
CSRF_FAILURE_VIEW = "chat.views.csrf_failure"
CSRF_COOKIE_SECURE = SESSION_COOKIE_SECURE = SECURE_SSL_REDIRECT = _https
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _https
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]  # probes come by plain HTTP
SECURE_REFERRER_POLICY = SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Two places are allowed more, see `headers`.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "worker-src": [SELF],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
SESSION_COOKIE_AGE = 31_536_000  # s: a year
SESSION_COOKIE_SAMESITE = "Lax"
DATA_UPLOAD_MAX_MEMORY_SIZE = 131_072  # bytes; the longest request is a system prompt
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
# Ten wrong passwords from one address for one name, and neither right nor wrong ones count for a while.
AXES_FAILURE_LIMIT = 10
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_ON_SUCCESS = AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False  # `manage.py axes_reset` lets somebody in again
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Chatbot",
    "SITE_HEADER": "Chatbot",
    "SITE_SUBHEADER": "Inspection",
    "SITE_SYMBOL": "forum",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("icon.svg")}],
    "SHOW_HISTORY": False,
    "DASHBOARD_CALLBACK": "chat.admin.dashboard.dashboard",
    "STYLES": [lambda request: static("chat/admin.css")],
}

# --- Language, time, log ---------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
if LOG_FORMAT not in {"console", "json"}:
    raise ImproperlyConfigured(f"LOG_FORMAT is {LOG_FORMAT!r}, and can be console or json.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "console": {"()": "chat.logs.Console", "coloured": sys.stderr.isatty()},
        "json": {"()": "chat.logs.Json"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "daphne": {"level": "WARNING"},
        "axes": {"level": "CRITICAL"},  # names that were tried, among which are passwords in the wrong field
        "django.request": {"level": "ERROR"},  # chat.middleware logs what was refused, without its path
        "django.security.DisallowedHost": {"level": "CRITICAL"},  # the same
        "channels_redis": {"level": "CRITICAL"},  # a traceback each second that Redis is gone; chat says it once
    },
}
