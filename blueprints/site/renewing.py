"""What an older database needs when it takes the place of a newer one, so that pages that saw the newer come right.

Open pages compare versions, and versions only grow; what was restored counts from further back than what those pages show. So all of them jump
far ahead. What pages and devices remember by its number, a member or a conversation, must not become another's: numbers that may have been given
out since are left out for good.
"""

import json
from typing import Any

from sqlalchemy import Connection, Integer, Table, delete, insert, literal, select, text, update

from blueprints.accounts.models import RENEWED_BY, Account, LoginSession, OwnVersion
from blueprints.accounts.subjects import own_subjects
from blueprints.extensions import db
from blueprints.live.announcements import Announcement
from blueprints.matches.versions import DeckVersion
from blueprints.profiles.models import FIELDS, OTHER_ROLE, PREFERENCE_FIELDS, Profile

IDS_LEFT_OUT = 100_000
ELSEWHERE = ("cities", "announcements")  # whose numbers are given by somebody else, or remembered by nobody
AT_ONCE = 1_000


def renew() -> None:
    """In one transaction: all versions ahead, the journal empty, nobody logged in. No server may be running."""
    db.session.rollback()
    with db.engine.begin() as connection:
        for table in db.metadata.sorted_tables:
            if table.name != Announcement.__tablename__ and (counts := versions_of(table)):
                connection.execute(update(table).values({name: table.c[name] + RENEWED_BY for name in counts}))
        renew_fields(connection)
        begin_missing(connection)
        connection.execute(delete(table_of(Announcement)))
        connection.execute(delete(table_of(LoginSession)))
        leave_ids_out(connection)


def versions_of(table: Table) -> list[str]:
    return [column.name for column in table.columns if column.name.split("_")[-1] == "version" and isinstance(column.type, Integer)]


def renew_fields(connection: Connection) -> None:
    """Also a field that never changed in this database may have changed since: whoever saves over it, from a page that is still open, is asked."""
    profiles = table_of(Profile)
    rows = connection.execute(select(profiles.c.id, profiles.c.role, profiles.c.changed_at_version)).all()
    renewed = [
        {"id": id, "changed": json.dumps(dict.fromkeys((*FIELDS[role], *PREFERENCE_FIELDS), RENEWED_BY) | {name: at + RENEWED_BY for name, at in changed.items()})}
        for id, role, changed in rows
    ]
    for start in range(0, len(renewed), AT_ONCE):
        connection.execute(text("UPDATE profiles SET changed_at_version = :changed WHERE id = :id"), renewed[start : start + AT_ONCE])


def begin_missing(connection: Connection) -> None:
    """What has no row counts as 0: it gets one, since it may have had one."""
    accounts, own, decks = table_of(Account), table_of(OwnVersion), table_of(DeckVersion)
    for name in sorted(own_subjects):
        begun = select(own.c.account_id).where(own.c.account_id == accounts.c.id, own.c.subject == name)
        missing = select(accounts.c.id, literal(name), literal(RENEWED_BY)).where(~begun.exists())
        connection.execute(insert(own).from_select(["account_id", "subject", "version"], missing))
    begun_roles = set(connection.scalars(select(decks.c.role)))
    for role in OTHER_ROLE.keys() - begun_roles:
        connection.execute(insert(decks).values(role=role, version=RENEWED_BY))


def leave_ids_out(connection: Connection) -> None:
    numbered = [table.name for table in db.metadata.sorted_tables if "id" in table.c and isinstance(table.c.id.type, Integer) and table.name not in ELSEWHERE]
    if connection.dialect.name == "postgresql":
        for name in numbered:
            sequence = "pg_get_serial_sequence(:name, 'id')"
            connection.execute(text(f"SELECT setval({sequence}, nextval({sequence}) + {IDS_LEFT_OUT})"), {"name": name})
    else:
        leave_ids_out_of_sqlite(connection, numbered)


def leave_ids_out_of_sqlite(connection: Connection, numbered: list[str]) -> None:
    """SQLite gives the number after the highest row, unless the table's definition has AUTOINCREMENT: one word, which changes nothing in how rows are
    kept. Written where it stands, since building a table anew would drop its triggers."""
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    for name in numbered:
        autoincrement = "UPDATE sqlite_master SET sql = replace(sql, 'PRIMARY KEY (id)', 'PRIMARY KEY (id AUTOINCREMENT)') WHERE type = 'table' AND name = ?"
        connection.exec_driver_sql(autoincrement, (name,))
        highest: Any = f"SELECT max(coalesce((SELECT max(id) FROM {name}), 0), coalesce((SELECT seq FROM sqlite_sequence WHERE name = '{name}'), 0))"
        number = connection.exec_driver_sql(highest).scalar_one() + IDS_LEFT_OUT
        connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = ?", (name,))
        connection.exec_driver_sql("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (name, number))
    schema = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql(f"PRAGMA schema_version = {schema + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")


def table_of(model: Any) -> Table:
    return model.__table__
