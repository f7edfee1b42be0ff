"""A text as a WebSocket frame (RFC 6455, 5.2), for the usual case: one frame holds all of it, and came by itself."""

FINAL_TEXT = 0x81  # a frame's first byte, where it holds all of a text
MASKED = 0x80  # of its second byte: as every frame of a client's is, and none of a server's
TWO_MORE, EIGHT_MORE = 126, 127  # in the place of its size: that follows, in so many bytes
LEAST = 6  # bytes of a client's frame: two, and a mask


def frame_of(text: str) -> bytes:
    """Return a server's frame."""
    payload = text.encode()
    size = len(payload)
    if size < TWO_MORE:
        return b"%c%c%b" % (FINAL_TEXT, size, payload)
    if size < 1 << 16:
        return b"%c%c%b%b" % (FINAL_TEXT, TWO_MORE, size.to_bytes(2, "big"), payload)
    return b"%c%c%b%b" % (FINAL_TEXT, EIGHT_MORE, size.to_bytes(8, "big"), payload)


def payload_of(data: bytes) -> bytes | None:
    """Return what a client's frame holds; None if `data` is not one whole text, or may be longer than is allowed.

    That is left to whoever knows what else there is; none of less than 64 KB is too long.
    """
    if len(data) < LEAST or data[0] != FINAL_TEXT or not data[1] & MASKED:
        return None
    size, begin = data[1] ^ MASKED, 2
    if size == TWO_MORE:
        size, begin = int.from_bytes(data[2:4], "big"), 4
        if size < TWO_MORE:
            return None
    elif size == EIGHT_MORE:
        return None
    mask, masked = data[begin : begin + 4], data[begin + 4 :]
    if len(masked) != size:
        return None
    payload = _unmasked(mask, masked)
    try:
        payload.decode()
    except UnicodeDecodeError:
        return None
    return payload


def _unmasked(mask: bytes, masked: bytes) -> bytes:
    """Return what was masked (5.3): each byte differs by the mask's, which is repeated."""
    size = len(masked)
    repeated = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(masked, "big") ^ int.from_bytes(repeated, "big")).to_bytes(size, "big")
