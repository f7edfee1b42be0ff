"""Settings made into backends: one per alias and process, when first asked for."""

import threading
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.conf import settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from gptj.backends.base import Backend
from gptj.conf import setting
from gptj.exceptions import Misconfigured, UnknownModel

BACKENDS = {
    "ctranslate2": "gptj.backends.ctranslate2.CTranslate2",
    "embedded": "gptj.backends.embedded.Embedded",
    "gptj+http": "gptj.backends.gptj_api.GptjApi",
    "gptj+https": "gptj.backends.gptj_api.GptjApi",
    "huggingface+http": "gptj.backends.huggingface.HuggingFace",
    "huggingface+https": "gptj.backends.huggingface.HuggingFace",
    "openai+http": "gptj.backends.openai_compatible.OpenAICompatible",
    "openai+https": "gptj.backends.openai_compatible.OpenAICompatible",
    "echo": "gptj.backends.echo.Echo",
    "scripted": "gptj.backends.scripted.Scripted",
}


def make(alias: str, config: Mapping[str, str]) -> Backend:
    """Return a new backend from `{"URL": ..., "API_KEY": ...}`. Raises Misconfigured."""
    url = config["URL"]
    scheme = url.partition(":")[0].lower()
    if scheme not in BACKENDS:
        known = ", ".join(f"{name}://" for name in BACKENDS)
        raise Misconfigured(f"{scheme!r} is no known kind of model.", hint=f"Its URL begins with one of {known}.")
    try:
        parts = urlsplit(url)
        options = _options(parts.query)
    except ValueError:
        raise Misconfigured("This is no URL.") from None  # the cause shows the URL
    if "@" in parts.netloc:
        raise Misconfigured(
            "A URL may not hold a name or a key.", hint=f"Set GPTJ_API_KEY or GPTJ_API_KEY_{alias.upper()} instead."
        )
    cls: type[Backend] = import_string(BACKENDS[scheme])
    # The names of Backend's own parameters are no options.
    taken = {"alias", "url", "api_key"} & options.keys()
    if taken:
        raise Misconfigured(
            f"There is no option {taken.pop()!r}.",
            hint=f"The options are {', '.join(cls.options_type.model_fields)}.",
            check_id="gptj.E002",
        )
    bare = parts._replace(query="", fragment="").geturl()
    # urlsplit drops the empty authority of a URL such as embedded:///path.
    bare = bare if "://" in bare else bare.replace(":", "://", 1)
    return cls(alias=alias, url=bare, api_key=config.get("API_KEY", ""), **options)


def _options(query: str) -> dict[str, str]:
    """Return the query's options. Raises Misconfigured if one stands there twice."""
    pairs = parse_qsl(query, keep_blank_values=True)
    options = dict(pairs)
    if len(options) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Misconfigured(f"The option {twice!r} stands there twice.", check_id="gptj.E002")
    return options


class Generators:
    """The configured models: `generators[alias]` is a Backend, and iterating gives the aliases."""

    def __init__(self) -> None:
        self._made: dict[str, Backend] = {}
        self._orphans: list[Backend] = []  # made from settings that are no longer
        self._lock = threading.Lock()

    def __getitem__(self, alias: str) -> Backend:
        """Return that model. Raises UnknownModel, or Misconfigured."""
        with self._lock:
            if alias not in self._made:
                self._made[alias] = make(alias, self._config(alias))
            return self._made[alias]

    def candidates(self, alias: str) -> list[Backend]:
        """Return who may answer, in the order to ask: that model and GPTJ_FALLBACK's, one that is down last.

        The next is to be asked if one cannot be reached and nothing was heard of it. Raises as `[]` does.
        """
        aliases = dict.fromkeys([alias, setting("GPTJ_FALLBACK") or alias])
        return sorted((self[each] for each in aliases), key=lambda backend: backend.down)

    def __iter__(self) -> Iterator[str]:
        return iter(settings.GPTJ_MODELS)

    def __len__(self) -> int:
        return len(settings.GPTJ_MODELS)

    def __contains__(self, alias: object) -> bool:
        return alias in settings.GPTJ_MODELS

    async def start(self) -> None:
        """Begin to load or watch every model; returns at once. Raises Misconfigured."""
        for alias in self:
            await self[alias].start()

    async def close(self) -> None:
        """Let go of every model. One that is asked for later is made anew."""
        with self._lock:
            backends = [*self._made.values(), *self._orphans]
            self._made, self._orphans = {}, []
        for backend in backends:
            await backend.close()

    def forget(self, *, setting: str, **_kwargs: Any) -> None:
        """Make the models anew when a test changes their settings; `close` lets go of the old ones too."""
        if setting.startswith("GPTJ_"):
            with self._lock:
                self._orphans += self._made.values()
                self._made = {}

    @staticmethod
    def _config(alias: str) -> Mapping[str, str]:
        models: Mapping[str, Mapping[str, str]] = settings.GPTJ_MODELS
        try:
            return models[alias]
        except KeyError:
            raise UnknownModel(f"There is no model {alias!r}. Choose one of {', '.join(models)}.") from None


generators = Generators()
setting_changed.connect(generators.forget)
