"""A real SMTP server that keeps what it takes, and refuses what a test says."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.servers import free_port


@dataclass
class PostOffice:
    """``refuse``: what the server answers instead of taking mail for an address; ``close_after``: how many messages it takes on a connection."""

    port: int = 0
    refuse: dict[str, str] = field(default_factory=dict)
    close_after: int | None = None
    raw: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    connections: int = 0
    logins: list[tuple[str, str]] = field(default_factory=list)
    hold: threading.Event | None = None  # takes nothing until it is set

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}?from=duet@example.com"

    @property
    def messages(self) -> list[EmailMessage]:
        return [message_from_bytes(raw, policy=default) for raw in self.raw]  # type: ignore[misc]

    # What aiosmtpd calls.

    async def handle_EHLO(self, _server: Any, session: Any, _envelope: Any, hostname: str, responses: list[str]) -> list[str]:
        session.host_name, session.taken = hostname, 0
        self.connections += 1
        return responses

    async def handle_RCPT(self, _server: Any, session: Any, envelope: Any, address: str, _options: list[str]) -> str:
        if self.close_after is not None and session.taken >= self.close_after:
            return "421 That is enough for one connection"
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:
        session.taken += 1
        self.raw.append(envelope.content)
        self.recipients += envelope.rcpt_tos
        return "250 Taken"

    def knows(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
        assert isinstance(given, LoginPassword)
        self.logins.append((given.login.decode(), given.password.decode()))
        return AuthResult(success=given.password == b"right", handled=False)


@contextlib.contextmanager
def open_office(**settings: Any) -> Iterator[PostOffice]:
    office = PostOffice(free_port())
    controller = Controller(office, hostname="127.0.0.1", port=office.port, authenticator=office.knows, auth_require_tls=False, **{"enable_SMTPUTF8": False} | settings)
    controller.start()
    try:
        yield office
    finally:
        controller.stop()
