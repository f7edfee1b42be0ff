"""What may not pass from a model to a conversation: control characters, and halves of a surrogate pair. Pure."""

import re

# JSON carries these as escapes; PostgreSQL takes no NUL, UTF-8 no lone surrogate.
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_HIGH = re.compile(r"[\ud800-\udbff]\Z")
_PAIR = re.compile(r"[\ud800-\udbff][\udc00-\udfff]")


class Cleaner:
    """Cleans a text that comes in pieces; a surrogate pair split over two is joined."""

    def __init__(self) -> None:
        self._half = ""

    def clean(self, piece: str) -> str:
        """Return what of `piece` may be shown now."""
        piece = self._half + piece
        self._half = ""
        if _HIGH.search(piece):
            piece, self._half = piece[:-1], piece[-1]
        if piece.isascii() and piece.isprintable():
            return piece
        piece = _PAIR.sub(lambda match: match.group().encode("utf-16", "surrogatepass").decode("utf-16"), piece)
        return _FORBIDDEN.sub("", piece)


def cleaned(text: str) -> str:
    """Return a whole text as it may be shown."""
    return Cleaner().clean(text)
