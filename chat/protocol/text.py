"""Text as it is measured and kept."""

import unicodedata


def utf16_length(text: str) -> int:
    """Return the length of `text` in UTF-16 code units, as JavaScript counts."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def written(text: str) -> str:
    """Return what a person wrote as it is kept: NFC, without what no database stores (NUL, lone surrogates)."""
    if not text.isascii():
        text = "".join(char for char in text if not 0xD800 <= ord(char) <= 0xDFFF)
    return unicodedata.normalize("NFC", text.replace("\0", ""))
