"""Profiles by words of their name, headline and bio: FTS5 on SQLite, full text search on PostgreSQL, with the same rules. Migration 0003 makes the index."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import TextClause, bindparam, text

from blueprints.extensions import db
from blueprints.profiles.cities import ODD_LETTERS

LONGEST_TYPED = 400
MOST_WORDS = 8
LONGEST_WORD = 40
IDEOGRAPHS = "\u2e80"  # from here on a single character is a word; before, it is hardly the beginning of one

# The index is made of words folded by exactly these rules (migration 0003): other rules need another index.
MARKS = re.compile(r"[\u0300-\u036f\u00ad\u200b-\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef]")
LETTERS = ODD_LETTERS | {ord("ß"): "ss", ord("ς"): "σ"}
IN_WORDS = {"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl"}  # Unicode's categories; other scripts write vowels as marks

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Found:
    """The ids of profiles, ascending: those that hold all the words, and those among them whose name does."""

    ids: Ids
    named: Ids


def search(typed: str) -> Found | None:
    """The profiles in which each of the words begins a word; None where nothing was typed that can be searched for.

    It knows nothing of who may see whom. Never hand this out: keep only what the viewer may see, and say nothing of the rest, not even how many.
    """
    if not (words := words_of(typed)):
        return None
    ask = _on_sqlite if db.engine.dialect.name == "sqlite" else _on_postgresql
    everywhere, in_names = db.session.execute(ask(words)).one()
    return Found(_ids(everywhere), _ids(in_names))


def words_of(typed: str) -> list[str]:
    """The words that are searched for. Only the first few: more would make the answer slow, not better."""
    words = (word[:LONGEST_WORD] for word in fold(typed[:LONGEST_TYPED]).split() if any(map(str.isalnum, word)))
    return list(dict.fromkeys(words))[:MOST_WORDS]


def fold(text: str) -> str:
    """Words with a space between, without case, accents and fancy letters: "Łódź—𝓕𝓸𝓸𝓭" is ``lodz food``."""
    letters = MARKS.sub("", unicodedata.normalize("NFKD", text).lower()).translate(LETTERS)
    return "".join(letter if unicodedata.category(letter) in IN_WORDS else " " for letter in unicodedata.normalize("NFC", letters))


def is_single(word: str) -> bool:
    """A single letter begins a word of nearly everyone: it counts as a whole word, and as a beginning in names only. Alone, it counts in
    names only: nearly everyone writes "a" somewhere."""
    return len(word) == 1 and word < IDEOGRAPHS


def _on_sqlite(words: Sequence[str]) -> TextClause:
    begun = " AND ".join(f'"{word}"*' for word in words)
    in_names = f"name : ({begun})"
    everywhere = " AND ".join(f'(name : "{word}"* OR "{word}")' if is_single(word) else f'"{word}"*' for word in words)
    if all(map(is_single, words)):
        everywhere = in_names
    matches = "SELECT group_concat(rowid) FROM search_words WHERE search_words MATCH"
    return text(f"SELECT ({matches} :everywhere), ({matches} :in_names)").bindparams(everywhere=everywhere, in_names=in_names)


def _on_postgresql(words: Sequence[str]) -> TextClause:
    """The words of a name are there once more, behind a ``=``."""
    in_names = " & ".join(f"'={word}':*" for word in words)
    everywhere = " & ".join(f"('={word}':* | '{word}')" if is_single(word) else f"'{word}':*" for word in words)
    if all(map(is_single, words)):
        everywhere = in_names
    matches = "SELECT string_agg(id::text, ',') FROM search_words WHERE words @@"
    question = text(f"SELECT ({matches} CAST(:everywhere AS tsquery)), ({matches} CAST(:in_names AS tsquery))")
    return question.bindparams(  # as literals, so that it is planned for these words: a plan for any words reads everything
        bindparam("everywhere", everywhere, literal_execute=True), bindparam("in_names", in_names, literal_execute=True)
    )


def _ids(joined: str | None) -> Ids:
    return np.sort(np.fromstring(joined, dtype=np.int64, sep=",")) if joined else np.empty(0, np.int64)
