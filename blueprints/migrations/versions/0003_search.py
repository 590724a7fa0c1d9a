"""the words of profiles, to search in

Revision ID: 0003
Revises: 0002
"""

import re
import unicodedata
from functools import cache

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# How blueprints/profiles/search.py folds what people type, as it was when this index was made.
MARKS = r"[\u0300-\u036f\u00ad\u200b-\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef]"
LETTERS = {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ı": "i", "ħ": "h", "ə": "a", "ς": "σ", "æ": "ae", "œ": "oe", "þ": "th", "ß": "ss"}
ODD_LETTERS = {ord(letter): plain for letter, plain in LETTERS.items()}
IN_WORDS = {"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl"}
LONGEST_WORD = 40

EVERYTHING = (*range(0x80, 0xD800), *range(0xE000, 0x20000), *range(0xE0000, 0xE0200))  # but for ASCII and rare ideographs
SIGNS = range(0x1F000, 0x1FC00)  # emoji, and those that Unicode will have


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        index_on_sqlite()
    else:
        index_on_postgresql()


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name in ("inserted", "updated", "deleted"):
            op.execute(f"DROP TRIGGER search_words_{name}")
        op.drop_table("search_letters")
    else:
        op.execute("DROP TRIGGER search_words_written ON profiles")
        op.execute("DROP FUNCTION search_words_write")
    op.drop_table("search_words")


def index_on_sqlite() -> None:
    """A full text table that triggers keep. A later ``batch_alter_table("profiles")`` makes the table anew and with that DROPS THE TRIGGERS:
    such a migration has to make them again. (By cascade it also deletes what refers to profiles.)

    The words are folded on the way in, so that SQLite finds what PostgreSQL finds: its own folding knows neither ø nor Greek accents nor fancy letters.
    """
    letters = op.create_table(
        "search_letters",
        sa.Column("letter", sa.Text(), primary_key=True),
        sa.Column("folded", sa.Text(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.bulk_insert(letters, [{"letter": letter, "folded": folded} for letter, folded in folded_letters().items()])
    op.execute("CREATE VIRTUAL TABLE search_words USING fts5(name, rest, tokenize = 'ascii', detail = column, columnsize = 0)")
    op.execute(f"INSERT INTO search_words (rowid, name, rest) SELECT {words_on_sqlite('profiles')} FROM profiles")
    write = f"INSERT OR REPLACE INTO search_words (rowid, name, rest) VALUES ({words_on_sqlite('new')})"
    delete = "DELETE FROM search_words WHERE rowid = old.id"
    op.execute(f"CREATE TRIGGER search_words_inserted AFTER INSERT ON profiles BEGIN {write}; END")
    op.execute(f"CREATE TRIGGER search_words_updated AFTER UPDATE OF id, name, headline, bio ON profiles BEGIN {delete}; {write}; END")
    op.execute(f"CREATE TRIGGER search_words_deleted AFTER DELETE ON profiles BEGIN {delete}; END")


def words_on_sqlite(row: str) -> str:
    rest = f"({row}.headline || ' ' || {row}.bio)"
    return f"{row}.id, {folded_on_sqlite(f'{row}.name')}, {folded_on_sqlite(rest)}"


def folded_on_sqlite(text: str) -> str:
    """Letter by letter, a microsecond each; texts in ASCII are spared that."""
    each = (
        f"WITH RECURSIVE letters(each, rest) AS (SELECT substr({text}, 1, 1), substr({text}, 2)"
        " UNION ALL SELECT substr(rest, 1, 1), substr(rest, 2) FROM letters WHERE rest <> '')"
        " SELECT group_concat(coalesce(folded, each), '') FROM letters LEFT JOIN search_letters ON letter = each"
    )
    return f"CASE WHEN {text} GLOB '*[^' || char(1) || '-' || char(127) || ']*' THEN ({each}) ELSE {text} END"


def index_on_postgresql() -> None:
    """A table beside the profiles, which keeps both small: a common word is in so many rows that their width is what counts."""
    op.create_table(
        "search_words",
        sa.Column("id", sa.Integer(), sa.ForeignKey("profiles.id", ondelete="CASCADE", onupdate="CASCADE"), primary_key=True),
        sa.Column("words", TSVECTOR(), nullable=False),
    )
    op.execute(f"INSERT INTO search_words (id, words) SELECT {words_on_postgresql('profiles')} FROM profiles")
    op.create_index("ix_search_words_words", "search_words", ["words"], postgresql_using="gin")
    op.execute(
        "CREATE FUNCTION search_words_write() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$ BEGIN"
        f" INSERT INTO search_words (id, words) VALUES ({words_on_postgresql('new')})"
        " ON CONFLICT (id) DO UPDATE SET words = excluded.words; RETURN NULL; END $$"
    )
    op.execute(
        "CREATE TRIGGER search_words_written AFTER INSERT OR UPDATE OF id, name, headline, bio ON profiles"
        " FOR EACH ROW EXECUTE FUNCTION search_words_write()"
    )


def words_on_postgresql(row: str) -> str:
    """All the words, and those of the name once more behind a ``=``. Not by PostgreSQL's own parser: it splits ``1e5abc``, does not split
    ``x@y.de``, and goes by the locale. (Only ``lower`` still does: a database with the locale C knows no capitals beyond Latin.)"""
    everything = folded_on_postgresql(f"{row}.name || ' ' || {row}.headline || ' ' || {row}.bio")
    name = f"regexp_replace({folded_on_postgresql(f'{row}.name')}, '(\\S+)', '=\\1', 'g')"
    return f"{row}.id, array_to_tsvector(array_remove(string_to_array({everything} || ' ' || {name}, ' '), ''))"


def folded_on_postgresql(text: str) -> str:
    folded = f"regexp_replace(lower(normalize({text}, NFKD)), '{MARKS}', '', 'g')"
    for letter, plain in LETTERS.items():
        for form in sorted({letter, letter.upper()}):
            if not form.isascii():  # in the locale C they are still as they were typed
                folded = f"replace({folded}, '{form}', '{plain}')"
    folded = f"regexp_replace(normalize({folded}, NFC), '{separators()}', ' ', 'g')"
    return f"regexp_replace({folded}, '(\\S{{{LONGEST_WORD}}})\\S+', '\\1', 'g')"


@cache
def separators() -> str:
    """All that stands between words, as a class of a regular expression."""
    numbers = {ord(letter) for letter, folded in folded_letters().items() if folded == " "}
    numbers |= {*range(1, 0x80)} - {*b"0123456789abcdefghijklmnopqrstuvwxyz"}
    firsts = sorted(number for number in numbers if number - 1 not in numbers)
    lasts = sorted(number for number in numbers if number + 1 not in numbers)
    runs = (rf"\U{first:08x}-\U{last:08x}" for first, last in zip(firsts, lasts, strict=True))
    return f"[{''.join(runs)}]"


def folded_letters() -> dict[str, str]:
    """What becomes of each letter that does not stay as it is."""
    known = [chr(number) for number in EVERYTHING if number in SIGNS or unicodedata.category(chr(number)) not in ("Cn", "Co")]
    return {letter: folded for letter in known if (folded := fold(letter)) != letter}


def fold(text: str) -> str:
    letters = re.sub(MARKS, "", unicodedata.normalize("NFKD", text).lower()).translate(ODD_LETTERS)
    return "".join(letter if unicodedata.category(letter) in IN_WORDS else " " for letter in unicodedata.normalize("NFC", letters))
