"""Handing messages to a real SMTP server, or keeping them as files; settings that cannot be used; what people call themselves stays in its line."""

import socket
import stat
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from app import create_app
from blueprints import mail
from tests.conftest import QUIET
from tests.notifications.post_office import PostOffice, open_office
from tests.servers import free_port

CONFIG = {"MAIL_FROM": "Duet <duet@example.com>"}


@pytest.fixture
def office() -> Iterator[PostOffice]:
    with open_office() as opened:
        yield opened


def letter(to: str = "bo@example.com", subject: str = "Two new things", **headers: str) -> EmailMessage:
    return mail.message(CONFIG, to, subject, "Zoë asks.\n", "<p>Zoë asks.</p>", headers)


def through(office: PostOffice, **changes: Any) -> mail.ThroughServer:
    server, _ = mail.server_at(office.url)
    return mail.ThroughServer(mail.Server(**{**vars(server), **changes}))


def test_a_message_arrives_as_plain_text_and_as_html(office: PostOffice) -> None:
    with through(office) as post:
        post.send(letter())

    (message,) = office.messages
    assert office.recipients == ["bo@example.com"]
    assert (message["From"], message["To"], message["Subject"]) == ("Duet <duet@example.com>", "bo@example.com", "Two new things")
    assert message["Auto-Submitted"] == "auto-generated" and message["Date"] and message["Message-ID"].endswith("@example.com>")
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain and plain.get_content().strip() == "Zoë asks."
    assert html and html.get_content().strip() == "<p>Zoë asks.</p>"


def test_a_long_address_in_a_header_stays_on_its_line(office: PostOffice) -> None:
    """Folded, it would be taken apart into encoded words, and no mail program would find it."""
    address = f"<https://duet.example.com/unsubscribe/{'x' * 200}>"
    with through(office) as post:
        post.send(letter(**{"List-Unsubscribe": address}))

    assert f"List-Unsubscribe: {address}\r\n".encode() in office.raw[0]
    assert max(map(len, office.raw[0].split(b"\r\n"))) < 300


@pytest.mark.parametrize("name", ["Ana\r\nBcc: all@example.com", "Ana\nBcc: all@example.com", "Ana\x00\x0b\u2028\x85Bcc: all@example.com", "Ana\rX: y"])
def test_no_name_becomes_a_header(name: str, office: PostOffice) -> None:
    with through(office) as post:
        post.send(letter(subject=f"{name} asks", **{"X-Name": name}))

    (message,) = office.messages
    assert office.recipients == ["bo@example.com"]
    assert message["Bcc"] is None and message["X"] is None
    assert message["Subject"].startswith("Ana ") and "\r" not in message["Subject"]


@pytest.mark.parametrize("address", ["bo@example.com, all@example.com", "bo@example.com\r\nBcc: all@example.com", "", "bo", "<bo@example.com>", "bo@exa mple.com"])
def test_an_address_is_one_address(address: str) -> None:
    with pytest.raises(mail.NotSent):
        letter(to=address)


def test_an_address_in_other_letters_arrives(office: PostOffice) -> None:
    with through(office) as post:
        post.send(letter(to="ana@bücher.example"))
        with pytest.raises(mail.NotSent, match="such letters"):
            post.send(letter(to="zoë@example.com"))

    assert office.recipients == ["ana@xn--bcher-kva.example"]


def test_a_server_that_takes_other_letters_gets_them() -> None:
    with open_office(enable_SMTPUTF8=True) as office, through(office) as post:
        post.send(letter(to="zoë@example.com"))

        assert office.recipients == ["zoë@example.com"]


def test_many_messages_go_over_one_connection(office: PostOffice) -> None:
    with through(office) as post:
        for number in range(20):
            post.send(letter(to=f"member{number}@example.com"))

    assert len(office.raw) == 20
    assert office.connections == 1


def test_one_recipients_error_does_not_stop_the_others(office: PostOffice) -> None:
    office.refuse["gone@example.com"] = "550 No such person"
    with through(office) as post:
        post.send(letter(to="ana@example.com"))
        with pytest.raises(mail.NotSent, match="550 No such person"):
            post.send(letter(to="gone@example.com"))
        post.send(letter(to="bo@example.com"))

    assert office.recipients == ["ana@example.com", "bo@example.com"]
    assert office.connections == 1


def test_a_server_that_has_had_enough_is_connected_anew(office: PostOffice) -> None:
    office.close_after = 2
    with through(office) as post:
        for number in range(5):
            post.send(letter(to=f"member{number}@example.com"))

    assert office.recipients == [f"member{number}@example.com" for number in range(5)]
    assert office.connections == 3


def test_a_server_that_takes_nothing_at_all_is_not_asked_for_ever(office: PostOffice) -> None:
    office.close_after = 0
    with through(office) as post, pytest.raises(mail.NotSent, match="421"):
        post.send(letter())

    assert office.connections == 2


def test_a_connection_that_was_closed_meanwhile_is_opened_again(office: PostOffice) -> None:
    with through(office) as post:
        post.send(letter())
        assert post._connection and post._connection.sock
        post._connection.sock.shutdown(socket.SHUT_RDWR)
        post.send(letter())

    assert len(office.raw) == 2
    assert office.connections == 2


def test_no_server_is_said_in_one_line() -> None:
    port = free_port()
    with mail.ThroughServer(mail.Server("127.0.0.1", port, "where offered")) as post, pytest.raises(mail.NoServer, match=f"127.0.0.1:{port} cannot be used"):
        post.send(letter())


def test_who_logs_in_is_let_in_and_who_cannot_is_told(office: PostOffice) -> None:
    with through(office, user="duet", password="right") as post:
        post.send(letter())
    with through(office, user="duet", password="wrong") as post, pytest.raises(mail.NoServer) as told:
        post.send(letter())

    assert set(office.logins) == {("duet", "right"), ("duet", "wrong")}
    assert len(office.raw) == 1
    assert "wrong" not in str(told.value)


def test_a_password_is_not_sent_without_encryption_over_a_wire(office: PostOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail.Server, "is_here", False)
    with through(office, user="duet", password="right") as post, pytest.raises(mail.NoServer, match="no encryption"):
        post.send(letter())
    with through(office, security="starttls") as post, pytest.raises(mail.NoServer, match="STARTTLS"):
        post.send(letter())

    assert office.logins == [] and office.raw == []


# The outbox.


def test_without_a_server_messages_are_kept_as_files_for_their_owner_only(tmp_path: Path) -> None:
    with mail.Outbox(tmp_path / "outbox") as post:
        for _ in range(20):
            post.send(letter(to="zoë@example.com"))

    files = sorted((tmp_path / "outbox").iterdir())
    assert len(files) == 20
    assert {file.suffix for file in files} == {".eml"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "outbox").stat().st_mode) == 0o700
    assert message_from_bytes(files[0].read_bytes(), policy=default)["To"] == "zoë@example.com"
    assert "SMTP_URL" in post.where


def test_an_outbox_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file")

    with pytest.raises(mail.NoServer, match="cannot write"), mail.Outbox(tmp_path / "outbox"):
        pass


# Settings.


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.com?from=a@example.com", mail.Server("mail.example.com", 25, "where offered")),
        ("smtp+starttls://u:p%40%2Fss@mail.example.com", mail.Server("mail.example.com", 587, "starttls", "u", "p@/ss")),
        ("smtps://u%40example.com:p@mail.example.com:4465/", mail.Server("mail.example.com", 4465, "tls", "u@example.com", "p")),
        ("smtp://[::1]:2525", mail.Server("::1", 2525, "where offered")),
    ],
)
def test_an_address_of_a_server_is_read(url: str, server: mail.Server) -> None:
    assert mail.server_at(url)[0] == server


UNUSABLE = [
    "mail.example.com", "http://mail.example.com", "smtp://", "smtp://mail.example.com:none", "smtp://mail.example.com:99999", "smtp://u@mail.example.com",
    "smtp://u:secret/word@mail.example.com", "smtp://u:secret#word@mail.example.com", "smtp://mail.example.com?tls=1", "smtp://[mail", "\x00", "smtp:mail.example.com",
]  # fmt: skip


@pytest.mark.parametrize("url", UNUSABLE)
def test_an_address_that_cannot_be_used_is_refused_at_the_start(url: str, instance: Path) -> None:
    with pytest.raises(SystemExit, match="^duet: SMTP_URL cannot be used: ") as refusal:
        create_app({"INSTANCE_PATH": instance, **QUIET, "SMTP_URL": url, "MAIL_FROM": "duet@example.com"})

    assert "\n" not in str(refusal.value) and "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"SMTP_URL": "smtp://mail.example.com"}, "needs a sender"),
        ({"SMTP_URL": "smtp://mail.example.com?from=nobody"}, "MAIL_FROM"),
        ({"MAIL_FROM": "a@example.com\r\nBcc: b@example.com"}, "MAIL_FROM"),
        ({"MAIL_FROM": "a@example.com, b@example.com"}, "MAIL_FROM"),
        ({"MAIL_FROM": "Duet <>"}, "MAIL_FROM"),
        ({"MAIL_FROM": "a@"}, "MAIL_FROM"),
        ({"PUBLIC_URL": "duet.example.com"}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "https://"}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "https://duet.example.com/?a=b"}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "javascript:alert(1)"}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "https://[duet"}, "PUBLIC_URL"),
    ],
)
def test_other_settings_are_refused_with_one_line_too(config: dict[str, str], words: str, instance: Path) -> None:
    with pytest.raises(SystemExit, match=words):
        create_app({"INSTANCE_PATH": instance, **QUIET, **config})


def test_settings_that_can_be_used_come_from_the_environment(instance: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_URL", "smtps://u:p@mail.example.com?from=duet@example.com")
    monkeypatch.setenv("PUBLIC_URL", "https://duet.example.com/")
    config = create_app({"INSTANCE_PATH": instance, **QUIET}).config

    assert (config["SMTP_SERVER"].host, config["MAIL_FROM"], config["PUBLIC_URL"]) == ("mail.example.com", "Duet <duet@example.com>", "https://duet.example.com")
