"""Static files: what Vite named by its content may be kept for ever, the rest for a minute."""

from servestatic.middleware import ServeStaticMiddleware


class StaticFiles(ServeStaticMiddleware):  # type: ignore[misc]  # ServeStatic is not typed
    """ServeStatic's own test knows only the names that Django's manifest storage makes, and overrules its setting."""

    def immutable_file_test(self, path: str, url: str) -> bool:
        """Tell whether a file's name changes with what is in it."""
        return url.startswith(f"{self.static_prefix}assets/")
