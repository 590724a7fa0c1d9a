"""Text as people may say it of themselves: normalised, and without characters that deceive, hide or break a page. Pure."""

import re
import unicodedata

MARKS_IN_A_ROW = 3

# Marks, embeddings, overrides and isolates that turn the direction of what follows: "gpj.exe" reads "exe.jpg".
BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Shown as nothing though Unicode calls them letters or symbols: Hangul fillers, Khmer inherent vowels, the empty braille pattern.
BLANK = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
# They come along by copying and mean nothing: soft hyphen, zero width space, word joiner, byte order mark. Taken out without a word.
STRAYS = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"))
# Persian, Indic scripts and emoji need them between two characters; elsewhere they only make one name look like another.
JOINERS = frozenset("\u200c\u200d")
FLAG = "\U0001f3f4"
TAGS = frozenset(map(chr, range(0xE0020, 0xE0080)))  # spell the region of a flag
FUTURE_EMOJI = range(0x1F000, 0x1FB00)  # reserved for emoji: newer phones have some that this Python's Unicode does not know

NO_NAME = "Please write a name that can be seen: letters, digits or signs."
NO_CONTROL = "Please leave out invisible control characters. They may have come along by copying."
NO_BIDI = "Please leave out characters that change the direction of text."
NO_PRIVATE = "Please leave out characters that other people's devices cannot show."
NO_ZALGO = "Please use fewer accents on one letter."


def clean_name(text: str) -> str:
    """One line that others can see and say: never empty."""
    line = clean_line(text)
    if not any(is_visible(character) for character in line):
        raise ValueError(NO_NAME)
    return line


def clean_line(text: str) -> str:
    """One line without line breaks; every run of white space becomes one space."""
    return " ".join(_checked(_normal(text).strip(), allowed="\t").split())


def clean_text(text: str) -> str:
    """Lines as typed, with no white space at their ends and at most one empty line between two."""
    unix = re.sub(r"\r\n?|[\u2028\u2029\x85]", "\n", _normal(text))
    lines = "\n".join(" ".join(line.split()) for line in _checked(unix, allowed="\t\n").split("\n"))
    return re.sub(r"\n{3,}", "\n\n", lines).strip()


def is_visible(character: str) -> bool:
    """Whether it shows by itself: letters, digits, signs; not spaces, joiners, or marks that sit on others."""
    return character not in BLANK and (unicodedata.category(character)[0] in "LNPS" or ord(character) in FUTURE_EMOJI)


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", text.translate(STRAYS))


def _checked(text: str, allowed: str) -> str:
    marks = 0
    for before, character, after in zip(" " + text, text, text[1:] + " "):
        if character.isascii() and character.isprintable():
            marks = 0
            continue
        category = unicodedata.category(character)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks > MARKS_IN_A_ROW:
            raise ValueError(NO_ZALGO)
        if character in BIDI:
            raise ValueError(NO_BIDI)
        if category in ("Co", "Cn", "Cs") and ord(character) not in FUTURE_EMOJI:
            raise ValueError(NO_PRIVATE)
        if category in ("Cc", "Zl", "Zp") and character not in allowed:
            raise ValueError(NO_CONTROL)
        if category == "Cf" and not _belongs(before, character, after):
            raise ValueError(NO_CONTROL)
    return text


def _belongs(before: str, character: str, after: str) -> bool:
    """Whether an invisible character does here what it is for."""
    if character in JOINERS:
        return not (before.isascii() or after.isascii() or before in JOINERS)
    return character in TAGS and (before == FLAG or before in TAGS)
