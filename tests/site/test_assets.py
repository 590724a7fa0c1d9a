"""Static files: kept for ever under the address of this version, and nothing else is served."""

import hashlib
import re
from pathlib import Path

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient

from blueprints.assets import version_of

ROOT = Path(__file__).parents[2]
FILES = sorted(str(path.relative_to(ROOT / "static")) for path in (ROOT / "static").rglob("*") if path.is_file())

HTMX = "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130"  # package/dist/htmx.min.js of npm's htmx.org@4.0.1


@pytest.fixture
def database() -> dict[str, str]:
    """Files do not depend on the database."""
    return {}


def address(app: Flask, filename: str) -> str:
    with app.test_request_context():
        return url_for("static", filename=filename)


def test_a_file_is_kept_for_ever_under_the_address_of_its_version(app: Flask, stranger: FlaskClient) -> None:
    assert len(FILES) > 30
    for filename in FILES:
        answer = stranger.get(address(app, filename), buffered=True)

        assert answer.status_code == 200, filename
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.data == (ROOT / "static" / filename).read_bytes()


@pytest.mark.parametrize(
    ("filename", "type"),
    [("css/base.css", "text/css"), ("js/live.js", "text/javascript"), ("icons.svg", "image/svg+xml"),
     ("vendor/bricolage-grotesque-5.3.0/bricolage-grotesque-latin-wght-normal.woff2", "font/woff2")],
)
def test_a_browser_that_sniffs_nothing_is_told_what_a_file_is(filename: str, type: str, app: Flask, stranger: FlaskClient) -> None:
    assert stranger.get(address(app, filename), buffered=True).content_type.partition(";")[0] == type


def test_a_page_from_before_a_deploy_still_finds_its_files_but_does_not_keep_them(stranger: FlaskClient) -> None:
    answer = stranger.get("/static/000000000000/css/base.css", buffered=True)

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-cache"


def test_another_content_or_another_name_is_another_version(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("one")
    first = version_of(tmp_path)
    (tmp_path / "a.css").write_text("two")
    second = version_of(tmp_path)
    (tmp_path / "a.css").rename(tmp_path / "b.css")

    assert len({first, second, version_of(tmp_path)}) == 3
    assert version_of(tmp_path) == version_of(tmp_path)


def test_the_addresses_in_a_page_are_those_of_this_version(stranger: FlaskClient) -> None:
    page = stranger.get("/").text

    versions = set(re.findall(r'"/static/([^/"]+)/', page))
    assert len(versions) == 1
    assert re.fullmatch("[0-9a-f]{12}", versions.pop())


@pytest.mark.parametrize("filename", [
    "../app.py", "../../app.py", "%2e%2e/app.py", "..%2fapp.py", "%2e%2e%2fapp.py", "..\\app.py", "css/../../app.py", "/etc/passwd", "//etc/passwd",
    "css", "css/", "", "nothing.css", "css/base.css%00", ".", "..", "\u0000", "C:/windows/win.ini", "9" * 5_000,
])
def test_nothing_outside_the_folder_is_served(filename: str, app: Flask, stranger: FlaskClient) -> None:
    base = address(app, "").removesuffix("/")

    answer = stranger.get(f"{base}/{filename}", buffered=True)

    assert answer.status_code in (404, 308), filename
    assert b"create_app" not in answer.data and b"root:" not in answer.data


def test_the_script_from_others_is_the_one_they_published() -> None:
    [script] = (ROOT / "static" / "vendor").glob("htmx-*/*.js")

    assert script.parent.name == "htmx-4.0.1"
    assert hashlib.sha256(script.read_bytes()).hexdigest() == HTMX


def test_what_comes_from_others_carries_its_licence() -> None:
    for folder in (ROOT / "static" / "vendor").iterdir():
        assert len((folder / "LICENSE").read_text()) > 300, folder.name


def test_a_file_can_be_asked_for_again_by_its_tag_and_in_parts(app: Flask, stranger: FlaskClient) -> None:
    url = address(app, "js/live.js")
    tag = stranger.get(url, buffered=True).headers["ETag"]

    assert stranger.get(url, headers={"If-None-Match": tag}, buffered=True).status_code == 304
    assert stranger.head(url, buffered=True).status_code == 200
    assert stranger.post(url, buffered=True).status_code == 405
