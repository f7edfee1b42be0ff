"""The key that signs cookies, made once: `python -m chatbot_project.keys`."""

import os
import secrets
from pathlib import Path
from tempfile import NamedTemporaryFile


def make(data_dir: Path) -> Path:
    """Write a new key to `data_dir`/secret_key, readable by its owner alone, unless one is there; return its path.

    Two processes that start at once end with the same key: the file appears whole, and the first one stays.
    """
    kept = data_dir / "secret_key"
    if kept.exists():
        return kept
    data_dir.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=data_dir, prefix=".secret_key-") as made:  # mode 0600
        made.write(secrets.token_urlsafe(50) + "\n")
        made.flush()
        os.fsync(made.fileno())
        try:
            kept.hardlink_to(made.name)
        except FileExistsError:
            return kept
    return kept


if __name__ == "__main__":
    # Settings know where the data is, but refuse to load before there is a key.
    os.environ.setdefault("SECRET_KEY", "only to learn DATA_DIR")
    from chatbot_project.settings import DATA_DIR

    make(DATA_DIR)
