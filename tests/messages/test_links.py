"""Which parts of a text become links: plain web addresses, whatever stands around them, and nothing else."""

import time

import pytest

from blueprints.messages.links import parts_of


def links(text: str) -> list[str]:
    assert "".join(part for part, _ in parts_of(text)) == text, "nothing is lost or changed"
    return [part for part, is_link in parts_of(text) if is_link]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("See https://example.com/a?b=c#d.", ["https://example.com/a?b=c#d"]),
        ("(see http://example.com)", ["http://example.com"]),
        ("https://example.com/wiki/Duet_(music), yes", ["https://example.com/wiki/Duet_(music)"]),
        ("[https://example.com/a]!?", ["https://example.com/a"]),
        ("“https://example.com”", ["https://example.com"]),
        ("https://example.com…", ["https://example.com"]),
        ("HTTPS://EXAMPLE.COM/A", ["HTTPS://EXAMPLE.COM/A"]),
        ("http://192.0.2.1:8080/x", ["http://192.0.2.1:8080/x"]),
        ("https://a.example https://b.example\nhttps://c.example", ["https://a.example", "https://b.example", "https://c.example"]),
        ("https://example.com/ü/日本", ["https://example.com/ü/日本"]),
        ("<https://example.com/>", ["https://example.com/"]),
    ],
)
def test_a_plain_address_is_a_link(text: str, found: list[str]) -> None:
    assert links(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)", "data:text/html,x", "//example.com", "www.example.com", "ftp://example.com", "mailto:a@example.com", "https://", "https://.", "http://)))",
        "xhttps://example.com", "https://good.example@evil.example/", "https://аpple.com", "https://例え.jp", "https://exa mple", "http://-a.example", "https://localhost", "https://example..com",
        'https://"onmouseover=alert(1)', "https://a.example:999999999", "https://example.com\\@evil.example",
    ],
)  # fmt: skip
def test_what_is_no_plain_address_or_looks_like_another_stays_text(text: str) -> None:
    assert links(text) == []


@pytest.mark.parametrize(
    "nasty",
    ["(" * 4_000, "https://a.b" + ")" * 4_000, "https://a.b" + "(" * 2_000 + ")" * 2_000, "https://" * 500, "https://a." * 400, "http://a.b." + "-" * 4_000],
)
def test_nasty_text_takes_no_longer_than_other_text(nasty: str) -> None:
    started = time.process_time()
    for _ in range(20):
        links(nasty)
    assert time.process_time() - started < 5, "for twenty; in quadratic time it would be far more"
