"""What holds for everything at once: imports, templates, routes, migrations, files. A new route or template is held to it by being there."""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from blueprints.accounts.models import Account, LoginSession
from blueprints.extensions import db
from blueprints.matches.filters import Filters
from blueprints.matches.models import SavedSearch
from blueprints.messages.models import Conversation
from blueprints.notifications.models import Notification
from blueprints.profiles.history import Edit
from blueprints.profiles.models import Profile
from blueprints.reports.models import Report
from blueprints.requests.models import Request
from tests.conftest import PASSWORD, People, add_cast, app_on

Login = Callable[[Account], FlaskClient]

ROOT = Path(__file__).parent.parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
PYTHON = [ROOT / "app.py", *sorted((ROOT / "blueprints").rglob("*.py"))]

LIBRARIES = ("extensions", "assets", "formats", "texts", "mail")  # in the first place: what stands on no feature
PACKAGES = ("live", "accounts", "profiles", "requests", "presence", "matches", "messages", "notifications", "reports", "site")
WRITES = {"POST", "PUT", "PATCH", "DELETE"}


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


# Imports.


def place_of(module: str) -> int:
    """How far to the right a module of ``blueprints`` stands; it may import what stands no further."""
    name = module.split(".")[1]
    return 0 if name in LIBRARIES else 1 + PACKAGES.index(name)


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "by its full name, so that this rule can read it"
            assert node.module
            yield from ([f"blueprints.{alias.name}" for alias in node.names] if node.module == "blueprints" else [node.module])


@pytest.mark.parametrize("path", PYTHON, ids=short)
def test_a_package_imports_only_from_those_on_its_left(path: Path) -> None:
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    own = [name for name in imported(path) if name.partition(".")[0] in ("blueprints", "app", "tests")]
    if module == "app":
        assert own
    elif module in ("blueprints.__init__", "blueprints.migrations.env") or module.startswith("blueprints.migrations.versions"):
        assert set(own) <= {"blueprints.extensions"}, "a migration must not import code that will change"
    else:
        assert [name for name in own if not name.startswith("blueprints.") or place_of(name) > place_of(module)] == []


def test_every_package_has_its_place() -> None:
    folders = {path.name for path in (ROOT / "blueprints").iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    files = {path.stem for path in (ROOT / "blueprints").glob("*.py")}

    assert folders == set(PACKAGES)
    assert files - {"__init__"} == set(LIBRARIES)


@pytest.mark.parametrize("module", ["matches/scoring.py", "profiles/completion.py", "texts.py"])
def test_what_is_pure_knows_neither_database_nor_web(module: str) -> None:
    for name in imported(ROOT / "blueprints" / module):
        assert name.partition(".")[0] not in ("flask", "sqlalchemy", "flask_login", "werkzeug"), name
        assert name not in ("blueprints.extensions", "blueprints.live"), name


# Templates. (What the policy forbids in them is checked in tests/site/test_look.py.)


@pytest.mark.parametrize("path", TEMPLATES, ids=short)
def test_a_template_opens_with_its_name_and_what_it_is_for(path: Path) -> None:
    first = path.read_text().partition("\n")[0]

    name = str(path.relative_to(ROOT / "templates"))
    assert re.match(rf"\{{# (templates/)?{re.escape(name)} — [A-Z`]", first), first


@pytest.mark.parametrize("path", TEMPLATES, ids=short)
def test_a_template_asks_htmx_for_nothing_that_needs_eval(path: Path) -> None:
    """Under our policy a filter in brackets kills its trigger silently, and so do ``hx-on`` and ``js:``."""
    text = path.read_text()

    assert "hx-on" not in text
    assert not re.search(r"""=\s*["'](js|javascript):""", text)
    for trigger in re.findall(r"""hx-trigger=("[^"]*"|'[^']*')""", text):
        assert "[" not in re.sub(r"\{\{.*?\}\}", "", trigger), trigger


@pytest.mark.parametrize("path", [path for path in TEMPLATES if path.name.startswith("_")], ids=short)
def test_a_fragment_reads_only_its_inputs(path: Path) -> None:
    assert not re.search(r"\{[{%][^}]*\b(current_user|request|g)\.", path.read_text())


@pytest.mark.parametrize("path", TEMPLATES, ids=short)
def test_every_form_that_writes_carries_its_own_token(path: Path) -> None:
    text = path.read_text()

    forms = re.findall(r"<form\b.*?</form>", text, re.DOTALL | re.IGNORECASE)
    assert len(forms) == len(re.findall(r"<form\b", text, re.IGNORECASE)), "a form ends in the template in which it begins"
    for form in forms:
        if re.search(r"""\bmethod=["']?post""", form, re.IGNORECASE):
            assert re.search(r"csrf_token|hidden_tag\(\)", form), form.partition(">")[0]
        else:
            assert not re.search(r"hx-(post|put|patch|delete)", form), "without JavaScript it would be sent as an address"


@pytest.mark.parametrize("path", TEMPLATES, ids=short)
def test_a_template_writes_no_address_by_hand(path: Path) -> None:
    addresses = re.findall(r"""\b(?:href|src|action|hx-(?:get|post|patch|put|delete))=["'](/[^"']*)""", path.read_text())

    assert addresses == []


# Routes.

Values = dict[str, Any]

OF_ADMINS = ("show", "state", "warn", "suspend", "dismiss", "restore")  # of reports: not there even for the one who reported
OF_ANA: dict[str, Callable[[People], Values]] = {
    "matches.card": lambda cast: {"profile_id": cast.ana.profile.id},
    "matches.breakdown": lambda cast: {"profile_id": cast.ana.profile.id},
    **{
        f"matches.{name}": lambda cast: {"profile_id": cast.ana.profile.id} for name in ("why", "save", "unsave", "hide", "unhide", "seen")
    },
    **{
        f"messages.{name}": lambda cast: {"conversation_id": talk_of(cast), "number": 1}
        for name in ("show", "log", "earlier", "older", "head", "compose", "write", "edit", "delete", "read", "typing")
    },
    **{f"requests.{name}": lambda cast: {"request_id": request_of(cast)} for name in ("show", "accept", "decline", "withdraw", "confirm_end", "end")},
    **{f"requests.{name}": lambda cast: {"profile_id": cast.ana.profile.id} for name in ("note", "panel")},
    "messages.with_profile": lambda cast: {"conversation_id": talk_of(cast), "profile_id": cast.ana.profile.id},
    "notifications.read": lambda cast: {"notification_id": notification_of(cast.ana)},
    "matches.remove_search": lambda cast: {"search_id": search_of(cast.ana)},
    "profiles.show": lambda cast: {"profile_id": cast.ana.profile.id},
    "profiles.portrait": lambda cast: {"profile_id": cast.ana.profile.id},
    "profiles.undo": lambda cast: {"save": save_of(cast.ana)},
    "presence.show": lambda cast: {"profile_id": cast.ana.profile.id},
    **{f"profiles.{name}": lambda cast: {"profile_id": cast.ana.profile.id} for name in ("confirm_block", "block", "unblock")},
    **{f"reports.{name}": lambda cast: {"profile_id": cast.ana.profile.id} for name in ("new", "create")},
    **{f"reports.{name}": lambda cast: {"report_id": report_of(cast)} for name in OF_ADMINS},
    "accounts.end_session": lambda cast: {"session_id": db.session.scalar(select(LoginSession.id).where(LoginSession.account_id == cast.ana.id))},
}
FOR_EVERYONE = {  # what nobody in particular may see: with what an answer may be, and never with anything of a member
    "site.home": {200}, "site.alive": {200}, "site.ready": {200}, "site.metrics": {200}, "site.patterns": {404}, "site.worker": {200}, "site.offline": {200}, "static": {404}, "profiles.avatar": {404},
    "accounts.login": {200}, "accounts.begin": {422}, "accounts.again": {200}, "accounts.begin_again": {422}, "accounts.register": {200}, "accounts.create": {422}, "accounts.logout": {302},
    "unsubscribing.ask": {404}, "unsubscribing.unsubscribe": {404},
}
PROVEN_BY_ADDRESS = {"unsubscribing.unsubscribe"}  # a signed token in it stands for the form's: mail programs know no other
NO_ADDRESSES: Values = {"digest": "0" * 64, "size": 96, "version": "0", "filename": "nothing.css", "token": "nothing"}
IDS: Values = dict.fromkeys(("profile_id", "session_id", "search_id", "request_id", "conversation_id", "number", "notification_id", "report_id", "save"), 1)
ENDLESS = "live.stream"  # an open stream; tests/live/test_stream.py asks for it on a real server

ABSURD = ["0", "-1", "9" * 18, str(2**31), str(2**63), "9" * 50, "9" * 5_000, "1.5", "1e3", "NaN", "²", "日本", "\u202e", "%00", "1%00", "%ff", "..", "'", "<b>", "a b"]
ABSURD_VALUES = ["", "0", "-1", "9" * 18, str(2**31), "9" * 5_000, "NaN", "²", "\x00", "a\x00b", "\ud7ff\u202e", "'; --", "%", "_", "\\", "[", "{{7*7}}", "x" * 10_000]
ARGUMENTS = (
    "page", "pages", "shown", "id", "q", "niche", "industry", "campaign", "platform", "language", "near", "within", "audience_min", "audience_max",
    "pay_min", "pay_max", "engagement", "score", "avatar", "active", "sort", "city", "base", "section", "next", "as", "watch", "stream", "subjects", "v", "message", "blocked",
    "from", "before", "edit", "current", "end", "hidden", "to", "email", "token",
)  # fmt: skip
FIELDS = (
    "email", "password", "name", "role", "remember", "next", "current_password", "new_password", "paused", "base", "headline", "bio", "city", "platforms",
    "languages", "links", "niches", "audience_size", "engagement_rate", "rate", "industry", "budget_min", "budget_max", "audience_min", "audience_max",
    "campaign_types", "company_size", "website", "works_remotely", "industries", "musts", "dont_minds", "max_km", "query", "niche", "budget", "location",
    "stream", "subjects", "as", "avatar", "text", "client_id", "number", "from", "hidden", "presence_to", "shows_reading", "shows_typing",
    "answer", "message", "match", "change", "saves", "reason", "words", "also_block", "note", "message", "to", "what", "timing", "deliverables", "then",
    "anyway", "picture", "conflict",
)


def notification_of(account: Account) -> int:
    mine = select(Notification.id).where(Notification.account_id == account.id)
    if not db.session.scalars(mine).first():
        Notification.tell(account, "warning")
        db.session.commit()
    return db.session.scalars(mine).first() or 0


def report_of(cast: People) -> int:
    """bo reported ana."""
    Report.make(cast.bo, cast.ana.profile, "spam", "Nothing but street food.")
    db.session.commit()
    return db.session.scalars(select(Report.id)).one()


def request_of(cast: People) -> int:
    """ana and bo are connected by it."""
    talk_of(cast)
    return db.session.scalars(select(Request.id).where(Request.superseded_at.is_(None))).one()


def save_of(account: Account) -> int:
    """A change of her own profile; nobody else has one of that number."""
    first = select(func.min(Edit.version)).where(Edit.profile_id == account.profile.id)
    if db.session.scalar(first) is None:
        account.profile.revise({"headline": "About street food"}, base=account.profile.version)
        db.session.commit()
    return db.session.scalar(first) or 0


def search_of(account: Account) -> int:
    kept = SavedSearch.of(account) or [SavedSearch.keep(account, "Street food", Filters(niche=frozenset({"food"})))]
    db.session.commit()
    return kept[0].id


def talk_of(cast: People) -> int:
    """The conversation of ana and bo, with a message of hers."""
    asked = Request.send(cast.ana, cast.bo.profile, {"what": "A film"})
    if not asked.is_connected:
        asked.answer(cast.bo, accept=True)
    talk = db.session.scalars(select(Conversation)).one()
    talk.write(cast.ana, "About street food", "the first")
    db.session.commit()
    return talk.id


@dataclass(frozen=True)
class Call:
    """One way to ask a route."""

    rule: Rule
    method: str

    def url(self, app: Flask, values: Values) -> str:
        with app.test_request_context():
            return app.url_for(self.rule.endpoint, **{name: values[name] for name in self.rule.arguments})

    def __str__(self) -> str:
        return f"{self.method} {self.rule.rule}"


def calls(app: Flask) -> list[Call]:
    return [Call(rule, method) for rule in app.url_map.iter_rules() for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})]


def values_of(call: Call, cast: People) -> Values:
    return OF_ANA[call.rule.endpoint](cast) if call.rule.endpoint in OF_ANA else NO_ADDRESSES


def says_of(cast: People, answer: TestResponse) -> list[str]:
    secrets = ("Ana Ruiz", "Nordlys", "Cy Okafor", "street food", cast.ana.email, cast.bo.email, cast.cy.email)
    return [secret for secret in secrets if secret in answer.text]


def ask(client: FlaskClient, url: str, method: str, **more: Any) -> TestResponse:
    return client.open(url, method=method, buffered=True, **more)


def test_the_walks_below_know_every_route_with_an_id(app: Flask) -> None:
    """A new one has to be told of whose it is."""
    with_id = {rule.endpoint for rule in app.url_map.iter_rules() if "<id:" in rule.rule}
    known = {name for rule in app.url_map.iter_rules() for name in rule.arguments} - IDS.keys()

    assert with_id == set(OF_ANA)
    assert known == set(NO_ADDRESSES)


def test_nobody_sees_what_is_for_members(app: Flask, cast: People, as_user: Login, stranger: FlaskClient) -> None:
    as_user(cast.ana)
    walked = calls(app)
    assert len(walked) > 25
    for call in walked:
        for headers in ({"Accept": "text/html"}, {"HX-Request": "true"}, {"Accept": "application/json"}):
            answer = ask(stranger, call.url(app, values_of(call, cast)), call.method, headers=headers)

            assert says_of(cast, answer) == [], call
            if call.rule.endpoint in FOR_EVERYONE:
                assert answer.status_code in FOR_EVERYONE[call.rule.endpoint], call
            elif answer.status_code == 302:
                assert answer.location.partition("?")[0] == "/login", call
            else:
                assert answer.status_code in (401, 404), call
    assert db.session.scalar(select(func.count()).select_from(Account)) == 3
    assert db.session.scalar(select(func.count()).select_from(LoginSession)) == 1


def test_a_stranger_finds_nothing_of_another(app: Flask, cast: People, as_user: Login) -> None:
    """cy has ana's role: what is hers is not there for cy. bo, whom it concerns, finds the same address; a session is nobody else's at all."""
    owner, friend, foreign = as_user(cast.ana), as_user(cast.bo), as_user(cast.cy)
    for call in calls(app):
        if call.rule.endpoint in OF_ANA:
            url = call.url(app, values_of(call, cast))
            answer = ask(foreign, url, call.method)

            assert answer.status_code == 404, call
            assert [secret for secret in says_of(cast, answer) if secret not in ("Cy Okafor", cast.cy.email)] == [], call
            if call.method == "GET":
                for_admins = call.rule.endpoint in [f"reports.{name}" for name in OF_ADMINS]
                assert ask(friend, url, "GET", follow_redirects=True).status_code == (404 if for_admins else 200), call
    assert owner.get("/settings").status_code == 200, "her session was not ended"


def test_a_strangers_own_pages_say_nothing_of_another(app: Flask, cast: People, as_user: Login) -> None:
    client = as_user(cast.cy)
    for call in calls(app):
        if call.method == "GET" and call.rule.endpoint not in (*OF_ANA, ENDLESS):
            answer = ask(client, call.url(app, NO_ADDRESSES), "GET", headers={"Accept": "text/html"})

            assert set(says_of(cast, answer)) <= {"Cy Okafor", cast.cy.email, "Nordlys"}, call  # cy may see bo


def test_a_deactivated_member_is_nobody(app: Flask, cast: People, as_user: Login) -> None:
    client = as_user(cast.ana)
    assert client.get("/matches").status_code == 200
    cast.ana.deactivate()
    db.session.commit()

    for call in calls(app):
        if call.rule.endpoint not in (*OF_ANA, *FOR_EVERYONE):
            assert ask(client, call.url(app, NO_ADDRESSES), call.method).status_code in (302, 401, 404), call


@pytest.fixture
def with_tokens(instance: Path, database: dict[str, str]) -> Iterator[Flask]:
    """The app with the cast, where forms need their token."""
    with app_on(instance, database, WTF_CSRF_ENABLED=True) as app:
        with app.app_context():
            add_cast()
        yield app


@pytest.mark.parametrize("email", [None, "creator1@example.com"], ids=["nobody", "member"])
def test_every_write_is_refused_without_its_token(email: str | None, with_tokens: Flask) -> None:
    client = with_tokens.test_client()
    token = token_of(client, "/login")
    if email:
        assert client.post("/login", data={"email": email, "password": PASSWORD, "csrf_token": token}).status_code == 302
        token = token_of(client, "/settings")
    writes = [call for call in calls(with_tokens) if call.method in WRITES and call.rule.endpoint not in PROVEN_BY_ADDRESS]
    assert len(writes) > 8

    for call in writes:
        for data in ({}, {"csrf_token": "guessed"}):
            answer = ask(client, call.url(with_tokens, IDS), call.method, data=data, headers={"Accept": "text/html"})

            assert answer.status_code == 400, call
            assert "This page had become too old to save" in answer.text, call

    if email:
        assert client.get("/settings").status_code == 200, "nothing was done: not even a logout"
        answer = client.patch("/profile", data={"bio": "New", "base": "1"}, headers={"X-CSRFToken": token})
        assert answer.status_code == 200, "with its token it goes through"


def token_of(client: FlaskClient, path: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get(path).text)
    assert found
    return found[1]


def test_no_route_fails_at_an_absurd_address(app: Flask, cast: People, as_user: Login) -> None:
    """TESTING lets every unexpected error through to here."""
    member = as_user(cast.bo)
    for call in calls(app):
        if call.rule.arguments and call.rule.endpoint != "static":  # tests/site/test_assets.py
            for value in ABSURD:
                url = re.sub(r"<[^>]+>", value.replace("\\", "\\\\"), call.rule.rule)

                assert ask(member, url, call.method).status_code in (404, 308, 405), (str(call), value[:20])


def test_no_route_fails_at_absurd_arguments(app: Flask, cast: People, as_user: Login) -> None:
    member = as_user(cast.bo)
    for call in calls(app):
        if call.method == "GET" and call.rule.endpoint != ENDLESS:
            url = call.url(app, values_of(call, cast))
            for value in ABSURD_VALUES:
                answer = ask(member, url, "GET", query_string=dict.fromkeys(ARGUMENTS, value))
                assert answer.status_code < 500, (str(call), value[:20])


def test_no_write_fails_at_absurd_fields(app: Flask, cast: People, as_user: Login) -> None:
    before = cast.bo.profile.version
    for call in calls(app):
        if call.method in WRITES:
            for value in ABSURD_VALUES:
                client = as_user(cast.bo) if call.rule.endpoint not in ("accounts.logout", "accounts.begin", "accounts.begin_again") else app.test_client()
                data = dict.fromkeys(FIELDS, value) | ({"base": "1"} if value else {})
                answer = ask(client, call.url(app, values_of(call, cast) | {"session_id": 999_999, "search_id": 999_999}), call.method, data=data)
                assert answer.status_code < 500, (str(call), value[:20])
    db.session.expire_all()
    assert "\x00" not in cast.bo.profile.name + cast.bo.profile.bio + cast.bo.profile.headline
    assert cast.bo.profile.version > before, "some of it is a fine headline"


def test_one_bad_field_at_a_time_breaks_nothing_either(app: Flask, cast: People, as_user: Login) -> None:
    """All together the first error hides the others."""
    good = {"email": "new@example.com", "password": PASSWORD, "name": "New", "role": "brand", "current_password": PASSWORD, "new_password": PASSWORD, "base": "1"}
    for path in ("/login", "/register", "/settings/password", "/live/watch"):
        for field in ("email", "password", "name", "role", "current_password", "new_password", "stream", "subjects"):
            for value in ("\x00", "a\x00@example.com", "x" * 10_000, "profile:1@1 " * 700, "日本@例え.jp", "\u3164"):
                client = app.test_client() if path in ("/login", "/register") else as_user(cast.bo)
                assert client.post(path, data=good | {field: value}).status_code < 500, (path, field, value[:20])


def test_no_address_answers_with_another_hosts_page(app: Flask, cast: People, as_user: Login) -> None:
    for target in ("https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example", "javascript:alert(1)"):
        for call in calls(app):
            if call.method == "GET" and call.rule.endpoint != ENDLESS:
                answer = ask(as_user(cast.bo), call.url(app, values_of(call, cast)), "GET", query_string={"next": target})
                assert "evil" not in answer.headers.get("Location", ""), call


# The database.


def test_the_migrations_make_the_tables_of_the_models(app: Flask) -> None:
    command.check(app.extensions["migrate"].migrate.get_config())  # as ``flask db check``: raises with what differs

    assert db.session.scalar(select(func.count()).select_from(Profile)) == 0, "and they are there"


def test_every_table_has_a_key_and_every_reference_an_index(app: Flask) -> None:
    """Without it, deleting a row walks through the whole other table."""
    for table in db.metadata.tables.values():
        assert table.primary_key.columns, table.name
        led_by = {next(iter(index.columns)).name for index in table.indexes} | {column.name for column in table.columns if column.unique}
        led_by.add(next(iter(table.primary_key.columns)).name)
        for key in table.foreign_keys:
            assert key.parent.name in led_by or key.parent.name in table.primary_key.columns, f"{table.name}.{key.parent.name}"


# Files.

SOURCES = [
    path for folder in ("blueprints", "templates", "static", "tests", "docs", ".github", ".ci")
    for path in sorted((ROOT / folder).rglob("*")) if path.is_file() and path.suffix not in (".pyc", ".woff2", ".png", ".webp", ".jpg")
] + [path for path in sorted(ROOT.iterdir()) if path.is_file()]


@pytest.mark.parametrize("path", [path for path in SOURCES if path.suffix in (".js", ".css", ".svg")], ids=short)
def test_a_page_loads_nothing_from_elsewhere(path: Path) -> None:
    code = re.sub(r"/\*.*?\*/|<!--.*?-->|^\s*//[^\n]*", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)

    assert re.findall(r"""https?://(?!www\.w3\.org/)[^\s"')]+""", code) == []
    assert not re.search(r"""(url\(|@import|from|import\()\s*["']?//""", code)


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    here = re.compile("|".join((re.escape(f"{ROOT}/"), r"/(home|Users)/\w", r"/tmp/duet[/]", r"\bextra-index-url[ =]", r"--index-url[ =]", r"--find-links[ =]")))
    assert len(SOURCES) > 100

    found = {short(path): match[0] for path in SOURCES if (match := here.search(path.read_text(errors="replace")))}

    assert found == {}


def test_only_documents_name_the_usual_port_of_this_machine() -> None:
    """Code asks for its host and port: both can be set."""
    found = [short(path) for path in SOURCES if path.suffix in (".py", ".html", ".js", ".css") and path.is_relative_to(ROOT / "blueprints")
             and re.search(r"localhost:8\d{3}", path.read_text())]

    assert found == []


def test_the_lock_files_pin_every_package_by_its_content() -> None:
    for name in ("requirements.lock", "requirements-test.lock"):
        lines = (ROOT / name).read_text().replace("\\\n", " ").splitlines()
        pinned = [line for line in lines if line and not line.lstrip().startswith("#")]

        assert len(pinned) > 20
        for line in pinned:
            assert re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==\S+", line, re.IGNORECASE), line[:60]
            assert "--hash=sha256:" in line, line[:60]
            assert "://" not in line, line[:60]
