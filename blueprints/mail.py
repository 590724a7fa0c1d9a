"""E-mail: handed to the SMTP server that ``SMTP_URL`` names, or kept as files in the instance folder's outbox where none is named."""

import contextlib
import os
import secrets
import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Protocol, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from email_validator import EmailNotValidError, validate_email
from flask import Flask

TIMEOUT_SECONDS = 20.0
SECURITY = {"smtp": "where offered", "smtp+starttls": "starttls", "smtps": "tls"}
PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
DEFAULT_NAME = "Duet"
EXAMPLE = "smtp+starttls://user:password@mail.example.com?from=duet@example.com"

CLOSING = 421  # it took nothing, and is willing to begin anew

WIRE = SMTP.clone(max_line_length=998)  # a header stays on its line: folded, a long address in List-Unsubscribe would become unreadable words


class NotSent(Exception):
    """This message was not taken; the next may be."""

    may_be_taken_soon = False


class TryAgain(NotSent):
    """Not now, said the server, but perhaps later."""

    may_be_taken_soon = True


class ServerCloses(TryAgain):
    """It has had enough of this connection."""


class NoServer(Exception):
    """The server cannot be reached, or lets nobody in: trying the next message is of no use."""


@dataclass(frozen=True)
class Server:
    """What ``SMTP_URL`` says. ``security``: "tls" from the first byte, "starttls", or "where offered"."""

    host: str
    port: int
    security: str
    user: str = ""
    password: str = ""

    @property
    def is_here(self) -> bool:
        """On this very machine: what goes there crosses no wire, and its certificate is nobody's."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


class Post(Protocol):
    """Takes messages while its ``with`` lasts. ``where`` says to the operator what becomes of them."""

    where: str

    def __enter__(self) -> Self: ...
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...
    def send(self, message: EmailMessage) -> None:
        """Returns once it was taken; raises NotSent or NoServer."""
        ...


def post(config: Mapping[str, Any]) -> Post:
    """What this instance sends with."""
    return ThroughServer(config["SMTP_SERVER"]) if config["SMTP_SERVER"] else Outbox(Path(config["INSTANCE_PATH"]) / "outbox")


def message(config: Mapping[str, Any], to: str, subject: str, text: str, html: str, headers: Mapping[str, str]) -> EmailMessage:
    """One message to one person, as plain text and as HTML. Raises NotSent for an address that no mail can go to.

    Subjects hold what people call themselves: whatever a line break is becomes a space, so none of it can become a header of its own.
    """
    made = EmailMessage(policy=SMTP)
    try:
        made["From"] = config["MAIL_FROM"]
        username, _, domain = reachable(to).rpartition("@")
        made["To"] = Address(username=username, domain=domain)
        made["Subject"] = one_line(subject)
        made["Date"] = format_datetime(datetime.now(UTC))
        made["Message-ID"] = make_msgid(domain=made["From"].addresses[0].domain)
        made["Auto-Submitted"] = "auto-generated"  # nobody's holiday notice answers it
        for header, value in headers.items():
            made[header] = one_line(value)
    except ValueError as error:
        raise NotSent(str(error)) from error
    made.set_content(text, cte="quoted-printable")
    made.add_alternative(html, subtype="html", cte="quoted-printable")
    return made


def one_line(text: str) -> str:
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def reachable(address: str) -> str:
    """With its domain as servers know it: ``xn--…`` for other scripts."""
    try:
        valid = validate_email(address, check_deliverability=False, test_environment=True, globally_deliverable=False)
    except EmailNotValidError as error:
        raise ValueError(str(error)) from error
    return f"{valid.local_part}@{valid.ascii_domain}"


class ThroughServer:
    """One connection for many messages, opened with the first, and anew where the server has had enough of it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.where = f"through {server.host}"
        self._connection: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._connection:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                self._connection.quit()
            self._connection = None

    def send(self, message: EmailMessage) -> None:
        connection = self._alive() or self._connected()
        try:
            self._hand_over(connection, message)
        except ServerCloses:
            self._hand_over(self._connected(), message)

    def _hand_over(self, connection: smtplib.SMTP, message: EmailMessage) -> None:
        sender, to = message["From"].addresses[0].addr_spec, message["To"].addresses[0].addr_spec
        options = [] if to.isascii() else ["SMTPUTF8", "BODY=8BITMIME"]
        if options and not connection.has_extn("smtputf8"):
            raise NotSent("the server takes no address with such letters")
        try:
            connection.sendmail(sender, [to], message.as_bytes(policy=WIRE.clone(utf8=bool(options))), options)
        except smtplib.SMTPRecipientsRefused as error:
            self._refused(*error.recipients[to], error)
        except smtplib.SMTPSenderRefused as error:
            if error.smtp_code != CLOSING:
                raise NoServer(f"{self.server.host} takes no mail from {sender} ({said(error)})") from error
            self._refused(error.smtp_code, error.smtp_error, error)
        except smtplib.SMTPResponseException as error:
            self._refused(error.smtp_code, error.smtp_error, error)
        except (OSError, smtplib.SMTPException) as error:  # in the middle: whether it was taken is not known
            self._drop()
            raise NotSent(said(error)) from error

    def _refused(self, code: int, answer: bytes | str, error: Exception) -> NoReturn:
        if code == CLOSING:
            self._drop()
        kind = ServerCloses if code == CLOSING else TryAgain if 400 <= code < 500 else NotSent
        raise kind(words(code, answer)) from error

    def _drop(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def _alive(self) -> smtplib.SMTP | None:
        """The connection if it still answers: servers close one that was quiet for a while."""
        if self._connection:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                if self._connection.noop()[0] == 250:
                    return self._connection
            self._drop()
        return None

    def _connected(self) -> smtplib.SMTP:
        server, context = self.server, ssl.create_default_context()
        try:
            if server.security == "tls":
                self._connection = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_SECONDS, context=context)
            else:
                self._connection = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_SECONDS)
                self._encrypt(self._connection, context)
            if server.user:
                self._connection.login(server.user, server.password)
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise NoServer(f"the mail server {server.host}:{server.port} cannot be used ({said(error)})") from error
        return self._connection

    def _encrypt(self, connection: smtplib.SMTP, context: ssl.SSLContext) -> None:
        connection.ehlo()
        if self.server.security == "starttls" or (connection.has_extn("starttls") and not self.server.is_here):
            connection.starttls(context=context)
            connection.ehlo()
        elif self.server.password and not self.server.is_here:
            raise smtplib.SMTPNotSupportedError("it offers no encryption, and the password does not go without")


def said(error: Exception) -> str:
    """What went wrong in one line, as the server put it."""
    if isinstance(error, smtplib.SMTPResponseException):
        return words(error.smtp_code, error.smtp_error)
    return one_line(str(error)) or type(error).__name__


def words(code: int, answer: bytes | str) -> str:
    return one_line(f"{code} {answer.decode(errors='replace') if isinstance(answer, bytes) else answer}")


class Outbox:
    """A file a message, for its owner's eyes only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.where = f"as files to {folder}, since SMTP_URL names no server"

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise NoServer(f"cannot write to {self.folder} ({error.strerror})") from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass

    def send(self, message: EmailMessage) -> None:
        """Written beside and moved into place: who reads the folder never meets half a message."""
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(8)}"
        fresh = self.folder / f".{name}"
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(message.as_bytes(policy=WIRE.clone(utf8=True)))
            fresh.rename(self.folder / f"{name}.eml")
        except OSError as error:
            fresh.unlink(missing_ok=True)
            raise NoServer(f"cannot write to {self.folder} ({error.strerror})") from error


# Settings.


def server_at(url: str) -> tuple[Server, str]:
    """The server and, where the address says it, the sender; ValueError with what is wrong. Never repeats the address: it holds a password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("its port is no number, or a sign in it has to be written as %..") from None
    if parts.scheme not in SECURITY:
        raise ValueError("it has to begin with smtp://, smtp+starttls:// or smtps://")
    if not parts.hostname or parts.path.strip("/") or parts.fragment:
        raise ValueError("it names no server, or a sign in its password has to be written as %..")
    if bool(parts.username) != bool(parts.password):
        raise ValueError("a user needs a password, and a password a user")
    asked = dict(parse_qsl(parts.query))
    if asked.keys() - {"from"}:
        raise ValueError("after the question mark it takes nothing but from=")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Server(parts.hostname, port or PORTS[parts.scheme], SECURITY[parts.scheme], user, password), asked.get("from", "")


def sender(text: str) -> str:
    """``duet@example.com`` or ``Duet <duet@example.com>``, with a name in any case; ValueError if it is neither."""
    try:
        header = SMTP.header_factory("From", text) if text.isprintable() else None
    except IndexError:  # the parser stumbles over an address that breaks off after its @
        header = None
    if header is None or header.defects or len(header.addresses) != 1:
        raise ValueError
    (written,) = header.addresses
    if not written.username or not written.domain or not written.addr_spec.isascii():
        raise ValueError
    return str(Address(written.display_name or DEFAULT_NAME, written.username, written.domain))


def public_url(text: str) -> str:
    """Where members reach this site, without a slash at its end; ValueError if it is no address."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or not text.isprintable() or " " in text:
        raise ValueError
    return text.rstrip("/")


def init_app(app: Flask) -> None:
    """One clear line for what cannot be used, at the start and not with the first message."""
    config, env = app.config, os.environ
    for name in ("SMTP_URL", "MAIL_FROM", "PUBLIC_URL"):
        config.setdefault(name, env.get(name) or None)
    named = ""
    config["SMTP_SERVER"] = None
    try:
        if config["SMTP_URL"]:
            config["SMTP_SERVER"], named = server_at(config["SMTP_URL"])
    except ValueError as error:
        raise SystemExit(f"duet: SMTP_URL cannot be used: {error}. An example: {EXAMPLE}") from None
    try:
        config["PUBLIC_URL"] = config["PUBLIC_URL"] and public_url(config["PUBLIC_URL"])
    except ValueError:
        raise SystemExit("duet: PUBLIC_URL has to be the address at which members reach this site, such as https://duet.example.com.") from None
    config["MAIL_FROM"] = config["MAIL_FROM"] or named
    if not config["MAIL_FROM"]:
        if config["SMTP_SERVER"]:
            raise SystemExit("duet: SMTP_URL needs a sender: add ?from=duet@example.com to it, or set MAIL_FROM.")
        config["MAIL_FROM"] = "duet@localhost"  # nothing leaves this machine
    try:
        config["MAIL_FROM"] = sender(config["MAIL_FROM"])
    except ValueError:
        raise SystemExit("duet: MAIL_FROM has to be an address such as duet@example.com or Duet <duet@example.com>.") from None
