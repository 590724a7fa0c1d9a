"""Alembic's way into the app: ``flask db migrate -m "…"`` writes a revision, ``flask db upgrade`` applies them."""

import re
from typing import Any, Literal

from alembic import context
from flask import current_app
from sqlalchemy import TypeDecorator

from blueprints.extensions import db

config = context.config

SEARCH = re.compile(r"search_(words|letters)(_\w+)?")  # made in 0003, in no model, and different on each database


def render(kind: str, item: Any, autogen: Any) -> str | Literal[False]:
    """Our own column types as what the database sees: a migration must not import code that will change."""
    return f"sa.{item.impl_instance!r}" if kind == "type" and isinstance(item, TypeDecorator) else False


def include_name(name: str | None, kind: str, parents: Any) -> bool:
    return not SEARCH.fullmatch(name or "")


def run() -> None:
    engine = current_app.extensions["migrate"].db.engine
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            render_as_batch=True,
            compare_type=True,
            render_item=render,
            include_name=include_name,
        )
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET lock_timeout = 0")  # a new version waits until the old ones let go of a table
            connection.commit()
        with context.begin_transaction():
            context.run_migrations()


run()
