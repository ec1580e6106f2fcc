"""Addresses of processes that work together. There is no authentication at any of them."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from maquette.errors import UserError

LOOPBACK = "127.0.0.1"
ANSWER_SECONDS = 5.0


@dataclass(frozen=True)
class Address:
    """Where a process listens.

    Args:
        host: Name or number of its machine.
        port: 1 to 65535.
    """

    host: str
    port: int

    @classmethod
    def of(cls, text: str | int) -> Address:
        """Return the address that `PORT` or `HOST:PORT` means; a port alone is on this machine.

        Raises:
            UserError: there is no port in it.
        """
        host, _, port = str(text).rpartition(":")
        if not port.isdecimal() or not 1 <= int(port) <= 65535:
            raise UserError(f"an address is PORT or HOST:PORT, as in 5000; received {text!r}")
        return cls(host or LOOPBACK, int(port))

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def require_free(self) -> None:
        """Raise a `UserError` where nothing can listen here."""
        try:
            socket.create_server((self.host, self.port)).close()
        except OSError as error:
            raise UserError(f"cannot listen at {self}: {error.strerror}; choose another") from None

    def answers(self) -> bool:
        """Return whether somebody listens here."""
        try:
            socket.create_connection((self.host, self.port), ANSWER_SECONDS).close()
        except OSError:
            return False
        return True
