"""A websocket client that may break every rule."""

from __future__ import annotations

import contextlib
import socket
import struct
import typing as t

HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: 13\r\n{more}\r\n"
)


class RawWebsocket:
    """A connection to a server.

    Args:
        port: Of the server.
        path: What is asked for.
        more: More header lines, each with its line break.
        behind: Bytes sent with the handshake, behind it.
        timeout: Seconds to wait for the server, which then counts as silent.
    """

    def __init__(
        self, port: int, path: str, more: str = "", behind: bytes = b"", timeout: float = 10
    ) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        text = HANDSHAKE.format(path=path, port=port, more=more)
        self.socket.sendall(text.encode("latin-1") + behind)
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer and self._read():
            pass
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        self.head = head.decode("latin-1")
        self.status = int(self.head.split()[1]) if self.head else 0

    def _read(self) -> bool:
        try:
            piece = self.socket.recv(65536)
        except (ConnectionResetError, TimeoutError):
            piece = b""
        self.buffer += piece
        return bool(piece)

    def send(self, data: bytes) -> None:
        """Send bytes; the server may have closed already."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(data)

    def frame(
        self, opcode: int, payload: bytes = b"", masked: bool = True, bits: int = 0x80
    ) -> None:
        """Send one frame.

        Args:
            opcode: 1 for text, 2 for bytes, 8 for a close.
            payload: What is in it.
            masked: Whether it is masked, as a client's has to be.
            bits: The FIN bit and the reserved ones.
        """
        head = bytes([bits | opcode])
        mask = 0x80 if masked else 0
        length = len(payload)
        if length < 126:
            head += bytes([mask | length])
        elif length < 65536:
            head += bytes([mask | 126]) + struct.pack("!H", length)
        else:
            head += bytes([mask | 127]) + struct.pack("!Q", length)
        # A mask of zeros changes nothing: large payloads need no copy.
        self.send(head + (bytes(4) if masked else b"") + payload)

    def close_code(self) -> int | None:
        """Read up to the close frame; None if the connection ends without one."""
        while True:
            found = self._next_frame()
            if found is None:
                if not self._read():
                    return None
                continue
            opcode, payload = found
            if opcode == 8:
                return int(struct.unpack("!H", payload[:2])[0]) if payload else 1005

    def _next_frame(self) -> tuple[int, bytes] | None:
        buffer = self.buffer
        if len(buffer) < 2:
            return None
        length, start = buffer[1] & 0x7F, 2
        if length >= 126:
            size = 2 if length == 126 else 8
            if len(buffer) < 2 + size:
                return None
            length, start = int.from_bytes(buffer[2 : 2 + size], "big"), 2 + size
        if len(buffer) < start + length:
            return None
        self.buffer = buffer[start + length :]
        return buffer[0] & 0x0F, buffer[start : start + length]

    def everything(self) -> bytes:
        """What the server sends until it closes or is silent."""
        while self._read():
            pass
        return self.buffer

    def __enter__(self) -> t.Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.socket.close()
