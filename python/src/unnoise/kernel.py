"""Messages with bytes between a kernel and the browser, in parts, since a server may limit how long
one may be. ``web/notebook/kernel.js`` is the other end."""

from __future__ import annotations

from collections.abc import Callable

PART_BYTES = 1 << 20


def send_bytes(send: Callable, message: dict, content: bytes) -> None:
    parts = max(1, -(-len(content) // PART_BYTES))
    for part in range(parts):
        piece = content[part * PART_BYTES : (part + 1) * PART_BYTES]
        send({**message, "part": part, "parts": parts}, [piece])


class Parts:
    """Puts together what arrives."""

    def __init__(self) -> None:
        self._parts: dict[str, dict[int, bytes]] = {}

    def add(self, message: dict, buffers: list) -> bytes | None:
        """The whole, once it is there."""
        parts = self._parts.setdefault(message["type"], {})
        # A transfer that was broken off is not mixed with the next.
        if message["part"] == 0:
            parts.clear()
        parts[message["part"]] = bytes(buffers[0])
        if len(parts) < message["parts"]:
            return None
        del self._parts[message["type"]]
        return b"".join(parts[part] for part in sorted(parts))
