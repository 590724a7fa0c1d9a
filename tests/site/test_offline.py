"""What a browser is told so that it can keep pages for their reader, and for nobody else."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from blueprints.accounts.models import Account
from blueprints.extensions import db

Login = Callable[[Account], FlaskClient]

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["sqlite"])
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    """Nothing here depends on the database."""
    return {}


@pytest.mark.parametrize("path", ["/matches", "/profile", "/settings", "/requests", "/messages", "/notifications", "/nowhere", "/matches/999"])
def test_a_whole_page_names_the_member_it_was_made_for(path: str, ana: Account, bo: Account, as_user: Login) -> None:
    for member in (ana, bo):
        assert as_user(member).get(path, headers={"Accept": "text/html"}).headers["Duet-Account"] == str(member.id)


def test_so_does_one_that_htmx_fetched(ana: Account, as_user: Login) -> None:
    for fetched in ({"HX-Request": "true", "HX-Boosted": "true"}, {"HX-History-Restore-Request": "true"}):
        assert as_user(ana).get("/matches", headers={**fetched, "HX-Request-Type": "full"}).headers["Duet-Account"] == str(ana.id)


@pytest.mark.parametrize("path", ["/", "/login", "/register", "/offline", "/nowhere", "/sw.js", "/healthz"])
def test_a_page_for_nobody_names_nobody(path: str, stranger: FlaskClient) -> None:
    assert "Duet-Account" not in stranger.get(path).headers


def test_fragments_files_and_forms_name_nobody(ana: Account, bo: Account, as_user: Login) -> None:
    client = as_user(ana)
    for path in ("/navigation", f"/matches/{bo.profile.id}/card", "/sw.js", "/healthz", "/notifications/latest"):
        assert "Duet-Account" not in client.get(path, headers={"HX-Request": "true", "HX-Request-Type": "partial"}).headers, path
    assert "Duet-Account" not in client.post("/settings/password", data={}).headers


def test_what_an_admin_looks_at_is_kept_nowhere(make_account: Callable[..., Account], as_user: Login) -> None:
    account = make_account("creator")
    account.take_role("admin")
    db.session.commit()
    admin = as_user(account)
    for path in ("/settings", "/reports", "/patterns"):
        answer = admin.get(path)
        assert answer.status_code == 200
        assert "Duet-Account" not in answer.headers


def test_the_service_worker_is_asked_for_anew_and_knows_the_files_of_its_version(stranger: FlaskClient) -> None:
    answer = stranger.get("/sw.js?v=anything")

    assert answer.mimetype == "text/javascript"
    assert "no-cache" in answer.headers["Cache-Control"]
    assert "Set-Cookie" not in answer.headers
    version, files = (json.loads(re.findall(rf"^const {name} = (.*);$", answer.text, re.MULTILINE)[0]) for name in ("VERSION", "FILES"))
    assert {f"/static/{version}/js/live.js", f"/static/{version}/js/live.worker.js", f"/static/{version}/css/base.css", f"/static/{version}/icons.svg"} <= set(files)
    assert all(stranger.get(address, buffered=True).status_code == 200 for address in files)
    page = stranger.get("/offline").text
    assert set(re.findall(r'"(/static/[^"#]+)', page)) <= set(files), "the page that says so has all it needs"


def test_the_offline_page_names_nobody_and_leads_nowhere_that_needs_a_network(stranger: FlaskClient) -> None:
    page = stranger.get("/offline").text

    assert "Duet cannot be reached right now" in page
    assert "csrf_token" not in page
    assert "/login" not in page


def test_duet_can_be_put_on_the_home_screen(stranger: FlaskClient) -> None:
    [address] = re.findall(r'<link rel="manifest" href="([^"]+)"', stranger.get("/login").text)

    manifest = json.loads(stranger.get(address, buffered=True).data)

    assert (manifest["name"], manifest["start_url"], manifest["display"]) == ("Duet", "/", "standalone")
    assert (ROOT / "static" / manifest["icons"][0]["src"]).is_file()
