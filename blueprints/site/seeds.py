"""A believable community of any size: who they are (`community`, pure) and how they get into the database (`seed`)."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import nlargest
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, Protocol

from PIL import Image
from sqlalchemy import func, insert, select
from sqlalchemy.orm import scoped_session

from blueprints.accounts.models import Account, email_key
from blueprints.extensions import utc_now
from blueprints.profiles import avatars
from blueprints.profiles.choices import CAMPAIGN_TYPES, NICHES
from blueprints.profiles.cities import fold
from blueprints.profiles.models import BIO_LENGTH, DISTANCES_KM, HEADLINE_LENGTH, MAX_EUROS, NAME_LENGTH, City, Profile
from blueprints.site import portraits, seed_texts
from blueprints.site.seed_together import bring_together

CREATORS = 0.62
SMALLEST_CITY = 60_000
CITIES_A_COUNTRY = 40
HISTORY_DAYS = 730
BATCH = 1_000  # a transaction each: a server that is running gets its turn to write in between
PORTRAITS_EACH, MARKS = 12, 48  # with 2 × 3 looks no more than 120 pictures, shared by all
ANA, BO = "ana@example.com", "bo@example.com"

MEDIAN_AUDIENCE, AUDIENCE_SPREAD = 16_000, 1.65  # log-normal: the top hundredth is some fifty times the median
SMALLEST_AUDIENCE, LARGEST_AUDIENCE = 800, 9_000_000
ENGAGEMENT_AT_1000, ENGAGEMENT_FALL = 8.0, -0.215
RATE_AT_1000, RATE_GROWTH = 36.0, 0.76

# What share of companies it is, and the euros they usually start from.
SIZES = {"1-10": (0.34, 350), "11-50": (0.33, 700), "51-200": (0.20, 1_800), "201-1000": (0.09, 5_000), "1001+": (0.04, 14_000)}
PURSES = {
    "charity": 0.5,
    "media": 0.7,
    "education": 0.8,
    "beauty": 1.2,
    "technology": 1.3,
    "automotive": 1.3,
    "software": 1.4,
    "finance": 1.5,
}
POPULAR = {"instagram": 10.0, "tiktok": 7.0, "youtube": 6.0, "blog": 1.5, "podcast": 1.5, "newsletter": 1.5, "pinterest": 1.0, "x": 1.0}
CAMPAIGNS = dict(zip(CAMPAIGN_TYPES, (10, 8, 5, 4, 3, 3, 6, 2, 4), strict=True))

# Some of these leave it out: 60 % of creators name industries in the end, 45 % of creators and 55 % of brands work remotely.
CHOOSY = 0.68
REMOTE = {"creator": 0.51, "brand": 0.63}

SECOND_LANGUAGES = ("es", "fr", "de", "it", "pt", "ar", "nl", "ja", "zh", "ru", "tr", "hi")

# What share of members it is, and how likely they leave out a field, and their picture.
DILIGENCE = {"diligent": (0.58, 0.03, 0.04), "busy": (0.30, 0.15, 0.20), "new": (0.12, 0.50, 0.65)}
LEFT_OUT: dict[str, Any] = {
    "headline": "", "bio": "", "links": (), "city_id": None, "works_remotely": False, "languages": frozenset(), "campaign_types": frozenset(),
}  # fmt: skip
CREATOR_LEFT_OUT = LEFT_OUT | {"industries": frozenset(), "audience_size": None, "engagement_rate": None, "rate": None}
BRAND_LEFT_OUT = LEFT_OUT | {"company_size": None, "website": "", "audience_min": None, "budget_min": None}
TOGETHER = {"audience_min": "audience_max", "budget_min": "budget_max"}  # a range is left out at both ends, mostly

# What members insist on, how often, and which answer of their own it needs (engagement none: all have a role).
STRICT, EASY = 0.12, 0.10
MUSTS: dict[str, dict[str, tuple[float, str]]] = {
    "creator": {
        "language": (5, "languages"), "niche": (4, "niches"), "budget": (4, "rate"), "location": (4, "city_id"), "campaign": (2, "campaign_types"),
        "platforms": (2, "platforms"), "industry": (2, "industries"),
    },
    "brand": {
        "language": (5, "languages"), "niche": (4, "niches"), "budget": (4, "budget_max"), "location": (4, "city_id"), "audience": (3, "audience_min"),
        "platforms": (3, "platforms"), "engagement": (2, "role"), "campaign": (1, "campaign_types"),
    },
}  # fmt: skip
DONT_MINDS = {"location": 10.0, "platforms": 1.5, "language": 1.0, "campaign": 1.0}

EMPTY: dict[str, Any] = {
    "headline": "", "bio": "", "city_id": None, "works_remotely": False, "platforms": frozenset(), "languages": frozenset(), "links": (),
    "niches": frozenset(), "campaign_types": frozenset(), "industries": frozenset(), "audience_size": None, "engagement_rate": None, "rate": None,
    "industry": None, "budget_min": None, "budget_max": None, "audience_min": None, "audience_max": None, "company_size": None, "website": "",
    "musts": frozenset(), "dont_minds": frozenset(), "max_km": None, "version": 1, "match_version": 1, "changed_at_version": {},
}  # fmt: skip


class Place(Protocol):
    """What is read of a city; a model instance or a row of a query."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def country_code(self) -> str: ...
    @property
    def population(self) -> int: ...


@dataclass(frozen=True)
class Member:
    """An account to be, and its profile by column names. ``picture`` names what to draw; None is a member without an avatar."""

    email: str
    role: str
    picture: str | None
    last_seen_at: datetime
    profile: Mapping[str, Any]


def seed(session: scoped_session[Any], profiles: int, seed: int, media: Path, demo_password_hash: str | None) -> None:
    """Add ``profiles`` members and store their pictures in ``media``. Deterministic by ``seed`` and by how many are there already; commits.

    With a password hash, and where they are not there yet, the first two are the demo log-ins Ana and Bo. Nobody else can log in.
    """
    cities = session.execute(select(City.id, City.name, City.country_code, City.population).where(City.population >= SMALLEST_CITY)).all()
    there = session.scalar(select(func.max(Account.id))) or 0
    with_demo = bool(demo_password_hash) and not session.scalar(select(func.count()).where(Account.email_key.in_((ANA, BO))))
    session.commit()  # nothing is held while pictures are drawn
    members = community(profiles, seed, cities, now=utc_now(), there=there, with_demo=with_demo)
    gallery = Gallery(seed, media)
    while batch := list(islice(members, BATCH)):
        faces = [gallery.digest(member.picture) for member in batch]
        hashes = [demo_password_hash if member.email in (ANA, BO) else "" for member in batch]
        accounts = [_account(member, hash or "") for member, hash in zip(batch, hashes, strict=True)]
        ids = session.scalars(insert(Account).returning(Account.id, sort_by_parameter_order=True), accounts).all()
        rows = [{**member.profile, "account_id": id, "avatar": face, "presence_since": member.last_seen_at} for member, id, face in zip(batch, ids, faces, strict=True)]
        session.execute(insert(Profile), rows)
        demo = {member.role: id for member, id in zip(batch, ids, strict=True) if member.email in (ANA, BO)}
        bring_together(session, ids, f"{seed} after {ids[0]}", utc_now(), demo)
        session.commit()


def community(n: int, seed: int, cities: Sequence[Place], now: datetime, there: int = 0, with_demo: bool = False) -> Iterator[Member]:
    """``n`` members of both roles, the same for the same arguments; e-mail addresses go on after number ``there``."""
    dealer = Dealer(Random(f"{seed} after {there}"), Atlas(cities), now)
    demo = [dealer.ana, dealer.bo][:n] if with_demo else []
    for draw in demo:
        yield draw()
    for number in range(there + len(demo) + 1, there + n + 1):
        yield dealer.creator(number) if dealer.random.random() < CREATORS else dealer.brand(number)


def _account(member: Member, password_hash: str) -> dict[str, Any]:
    return {
        "email": member.email,
        "email_key": email_key(member.email),
        "password_hash": password_hash,
        "role": member.role,
        "version": 1,
        "created_at": member.profile["created_at"],
        "last_seen_at": member.last_seen_at,
    }


class Gallery:
    """Draws each picture when it is first asked for and deals those of a kind out in turn."""

    def __init__(self, seed: int, media: Path) -> None:
        self.seed, self.media = seed, media
        self.dealt: Counter[str] = Counter()
        self.stored: dict[str, str] = {}

    def digest(self, kind: str | None) -> str | None:
        if kind is None:
            return None
        number = self.dealt[kind] % (MARKS if kind == "mark" else PORTRAITS_EACH)
        self.dealt[kind] += 1
        name = kind if kind in DRAWN_BY_HAND else f"{kind} {number} {self.seed}"
        if name not in self.stored:
            self.stored[name] = avatars.store(avatars.pictures(draw(kind, name)), self.media)
        return self.stored[name]


def draw(kind: str, name: str) -> Image.Image:
    if kind in DRAWN_BY_HAND:
        return DRAWN_BY_HAND[kind]()
    random = Random(name)
    return portraits.mark(random) if kind == "mark" else portraits.portrait(random, portraits.Look(*kind.split("-")))


DRAWN_BY_HAND: dict[str, Callable[[], Image.Image]] = {
    "ana": lambda: portraits.portrait(Random("ana10"), portraits.Look("f", "medium")),
    "bo": lambda: portraits.mark(Random("bo4")),
}


class Atlas:
    """Where people live: countries by their weight here, cities by their population."""

    def __init__(self, cities: Sequence[Place]) -> None:
        self.cities: dict[str, list[Place]] = defaultdict(list)
        for city in sorted(cities, key=lambda city: (-city.population, city.id)):
            known = self.cities[city.country_code]
            if city.country_code in seed_texts.COUNTRIES and len(known) < CITIES_A_COUNTRY and not is_district(city, known):
                known.append(city)
        self.codes = [code for code in seed_texts.COUNTRIES if self.cities.get(code)] or ["GB"]
        self.weights = [seed_texts.COUNTRIES[code].weight for code in self.codes]

    def country(self, random: Random) -> str:
        return random.choices(self.codes, self.weights)[0]

    def city(self, random: Random, code: str) -> Place | None:
        cities = self.cities.get(code)
        return random.choices(cities, [city.population for city in cities])[0] if cities else None

    def named(self, name: str, code: str) -> Place | None:
        return next((city for city in self.cities.get(code, ()) if city.name == name), None)


def is_district(city: Place, larger: Iterable[Place]) -> bool:
    """Such as "Paris 15 Vaugirard" and "Amsterdam-Zuidoost", which nobody says they live in."""
    return any(city.name.startswith(known.name) and not city.name[len(known.name)].isalpha() for known in larger if city.name != known.name)


class Dealer:
    """Deals out names and sentences like cards: each once before any comes again."""

    def __init__(self, random: Random, atlas: Atlas, now: datetime) -> None:
        self.random, self.atlas, self.now = random, atlas, now
        self.piles: dict[tuple[str, ...], list[str]] = {}
        self.said: set[int] = set()
        self.companies: set[str] = set()

    def creator(self, number: int) -> Member:
        random = self.random
        diligence = self._diligence()
        code = self.atlas.country(random)
        city = self.atlas.city(random, code)
        culture = self._culture(code)
        presents = random.choice("fm")
        name = self._person(culture, presents)
        slug = self._slug(name)
        niches = self._niches(self._weighted(seed_texts.NICHES, NICHE_WEIGHTS))
        niche = seed_texts.NICHES[niches[0]]
        audience = self._audience()
        platforms = self._platforms(niche.platforms)
        words = {"city": city.name if city else "the north", "years": str(random.randint(2, 14))}
        profile = EMPTY | {
            "role": "creator",
            "name": name,
            "headline": self._creator_headline(niche, niches, words),
            "bio": self._unsaid(lambda: self._creator_bio(niche, diligence, words)),
            "city_id": city and city.id,
            "works_remotely": random.random() < REMOTE["creator"],
            "platforms": frozenset(platforms),
            "languages": self._languages(code, culture),
            "links": self._links(slug, platforms),
            "niches": frozenset(niches),
            "campaign_types": self._some(CAMPAIGNS, random.choice((2, 2, 3, 3, 4))),
            "industries": self._industries(niches),
            "audience_size": audience,
            "engagement_rate": self._engagement(audience),
            "rate": self._rate(audience, niche.price),
        }
        tone = random.choices(list(portraits.SKINS), seed_texts.NAMES[culture].tones)[0]
        return self._member(number, slug, profile, CREATOR_LEFT_OUT, diligence, f"{presents}-{tone}")

    def brand(self, number: int) -> Member:
        random = self.random
        diligence = self._diligence()
        code = self.atlas.country(random)
        city = self.atlas.city(random, code)
        culture = seed_texts.COUNTRIES[code].names
        trade = self._weighted(seed_texts.INDUSTRIES, INDUSTRY_WEIGHTS)
        industry = seed_texts.INDUSTRIES[trade]
        words = {"city": city.name if city else "the north", "years": str(random.randint(3, 40))}
        name = self._company(culture, industry, words["city"])
        slug = self._slug(name)
        wanted = random.sample(industry.niches[1:4], random.choice((1, 2, 2)))
        if random.random() < 0.85:
            wanted.insert(0, industry.niches[0])
        if random.random() < 0.15:
            wanted.append(random.choice(list(NICHES)))
        size = random.choices(list(SIZES), [share for share, _ in SIZES.values()])[0]
        budget_min, budget_max, audience_min, audience_max = self._budget(SIZES[size][1] * PURSES.get(trade, 1.0))
        profile = EMPTY | {
            "role": "brand",
            "name": name,
            "headline": self._brand_headline(industry, words),
            "bio": self._unsaid(lambda: self._brand_bio(industry, diligence, words)),
            "city_id": city and city.id,
            "works_remotely": random.random() < REMOTE["brand"],
            "platforms": frozenset(self._platforms(tuple(platform for niche in wanted for platform in seed_texts.NICHES[niche].platforms))),
            "languages": self._languages(code, culture),
            "links": self._links(slug, ())[:1],
            "niches": frozenset(wanted),
            "industry": trade,
            "budget_min": budget_min,
            "budget_max": budget_max,
            "audience_min": audience_min,
            "audience_max": audience_max,
            "campaign_types": self._some(CAMPAIGNS, random.choice((2, 3, 3, 4))),
            "company_size": size,
            "website": f"https://www.{slug.replace('.', '-')}.example.com",
        }
        return self._member(number, slug, profile, BRAND_LEFT_OUT, diligence, "mark")

    def ana(self) -> Member:
        """Lacks only a link to her work."""
        lisbon = self.atlas.named("Lisbon", "PT")
        profile = {
            "role": "creator",
            "name": "Ana Ruiz",
            **seed_texts.ANA,
            "city_id": lisbon and lisbon.id,
            "works_remotely": True,
            "platforms": frozenset(("instagram", "youtube", "tiktok")),
            "languages": frozenset(("pt", "es", "en")),
            "niches": frozenset(("food", "travel")),
            "campaign_types": frozenset(("sponsored-post", "product-review", "series", "event")),
            "industries": frozenset(("food-drink", "travel-hospitality")),
            "audience_size": 48_200,
            "engagement_rate": 6.9,
            "rate": 450,
        }
        return self._demo(ANA, "ana", profile, days=412)

    def bo(self) -> Member:
        """Lacks only the size of his company."""
        copenhagen = self.atlas.named("Copenhagen", "DK")
        profile = {
            "role": "brand",
            **seed_texts.BO,
            "city_id": copenhagen and copenhagen.id,
            "works_remotely": True,
            "platforms": frozenset(("instagram", "youtube", "tiktok")),
            "languages": frozenset(("da", "en", "sv")),
            "links": ("https://nordlys.example.com/farms",),
            "niches": frozenset(("food", "travel")),
            "industry": "food-drink",
            "budget_min": 300,
            "budget_max": 900,
            "audience_min": 15_000,
            "audience_max": 120_000,
            "campaign_types": frozenset(("sponsored-post", "product-review", "series")),
            "website": "https://www.nordlys.example.com",
        }
        return self._demo(BO, "bo", profile, days=388)

    def _demo(self, email: str, picture: str, profile: dict[str, Any], days: int) -> Member:
        times = {"created_at": self.now - timedelta(days=days), "updated_at": self.now - timedelta(days=days // 60)}
        return Member(email, profile["role"], picture, self.now - timedelta(hours=days // 20), EMPTY | profile | times)

    def _member(self, number: int, slug: str, profile: dict[str, Any], left_out: Mapping[str, Any], diligence: str, picture: str) -> Member:
        random = self.random
        _, gap, faceless = DILIGENCE[diligence]
        for field, nothing in left_out.items():
            if random.random() < gap:
                profile[field] = nothing
                if field in TOGETHER and random.random() < 0.8:
                    profile[TOGETHER[field]] = nothing
        self._insist(profile)
        days = HISTORY_DAYS * random.random() ** 1.9 * (0.2 if diligence == "new" else 1)
        quiet = days * random.random() ** 2.2
        seen = quiet * random.random()
        profile["created_at"] = self.now - timedelta(days=days)
        profile["updated_at"] = self.now - timedelta(days=quiet)
        drawn = None if random.random() < faceless else picture
        email = f"{slug[:60]}.{number}@members.example.com"
        return Member(email, profile["role"], drawn, self.now - timedelta(days=seen), profile)

    def _diligence(self) -> str:
        return self.random.choices(list(DILIGENCE), [share for share, _, _ in DILIGENCE.values()])[0]

    def _weighted(self, choices: Iterable[str], weights: Mapping[str, float]) -> str:
        return self.random.choices(list(choices), [weights.get(choice, 1.0) for choice in choices])[0]

    def _deal(self, pile: tuple[str, ...]) -> str:
        if not self.piles.get(pile):
            self.piles[pile] = self.random.sample(pile, len(pile))
        return self.piles[pile].pop()

    def _unsaid(self, compose: Callable[[], str]) -> str:
        """A text that nobody has said yet; after a few tries one that is hard to tell from others."""
        for _ in range(12):
            text = compose()
            if hash(text) not in self.said:
                break
        self.said.add(hash(text))
        return text

    # People

    def _culture(self, code: str) -> str:
        if code in seed_texts.MIXED and self.random.random() < 0.25:
            return self.random.choice(list(seed_texts.NAMES))
        return seed_texts.COUNTRIES[code].names

    def _person(self, culture: str, presents: str) -> str:
        names = seed_texts.NAMES[culture]
        given = self._name(names.feminine if presents == "f" else names.masculine)
        family = self._name(names.family)
        return f"{family} {given}" if names.family_first else f"{given} {family}"

    def _name(self, names: str) -> str:
        return self._deal(tuple(names.split())).replace("_", " ")

    def _slug(self, name: str) -> str:
        return ".".join(re.findall(r"[a-z0-9]+", fold(name))) or "member"

    def _languages(self, code: str, culture: str) -> frozenset[str]:
        random, country = self.random, seed_texts.COUNTRIES[code]
        spoken = {country.languages[0], *(language for language in country.languages[1:] if random.random() < 0.5)}
        if random.random() < 0.85:
            spoken.add("en")
        if culture != country.names and random.random() < 0.8:
            spoken.add(MOTHER_TONGUES[culture])
        if random.random() < 0.15:
            spoken.add(random.choice(SECOND_LANGUAGES))
        return frozenset(spoken)

    def _niches(self, first: str) -> list[str]:
        near = seed_texts.NICHES[first].near
        chosen = [first, *self.random.sample(near, self.random.choice((0, 1, 1, 1, 2, 2)))]
        if self.random.random() < 0.06:
            chosen.append(self.random.choice(list(NICHES)))
        return chosen

    def _industries(self, niches: Sequence[str]) -> frozenset[str]:
        """Mostly those that look for their first niche."""
        weights: dict[str, float] = defaultdict(float)
        for rank, niche in enumerate(niches):
            for trade in TRADES[niche]:
                weights[trade] += 1 / (1 + rank)
        return self._some(weights, self.random.choice((1, 2, 2, 3, 3, 4))) if self.random.random() < CHOOSY else frozenset()

    def _insist(self, profile: dict[str, Any]) -> None:
        """A few ask for what they cannot do without, of what can be judged by their own answers; a few have something that they do not mind."""
        random = self.random
        if random.random() < STRICT:
            known = {name: weight for name, (weight, own) in MUSTS[profile["role"]].items() if profile[own]}
            profile["musts"] = self._some(known, random.choice((1, 1, 2, 2, 3)))
            if "location" in profile["musts"]:
                profile["max_km"] = random.choice(DISTANCES_KM)
        if random.random() < EASY:
            profile["dont_minds"] = self._some(DONT_MINDS, 1) - profile["musts"]

    def _some(self, weights: Mapping[str, float], count: int) -> frozenset[str]:
        """So many different ones, the weightier more often; all where there are no more."""
        draws = {name: self.random.random() ** (1 / weight) for name, weight in weights.items()}
        return frozenset(nlargest(count, draws, draws.__getitem__))

    def _platforms(self, usual: tuple[str, ...]) -> list[str]:
        weights = {platform: POPULAR.get(platform, 0.5) for platform in ("twitch", "linkedin", *POPULAR)}
        for rank, platform in enumerate(usual):
            weights[platform] = weights[platform] * 3 + 6 / (1 + rank % 5)
        chosen = self.random.choices(list(weights), list(weights.values()), k=self.random.choice((1, 2, 3, 3, 4)))
        return list(dict.fromkeys(chosen))

    def _links(self, slug: str, platforms: Sequence[str]) -> tuple[str, ...]:
        handle = slug.replace(".", "-")
        links = [f"https://{handle}.example.com", *(f"https://{platform}.example.net/{handle}" for platform in platforms)]
        links.append(f"https://example.org/press/{handle}")
        return tuple(links[: self.random.choice((1, 1, 2, 2, 3))])

    # Numbers

    def _audience(self) -> int:
        while True:
            audience = self.random.lognormvariate(math.log(MEDIAN_AUDIENCE), AUDIENCE_SPREAD)
            if SMALLEST_AUDIENCE <= audience <= LARGEST_AUDIENCE:
                return round(audience) if self.random.random() < 0.6 else rounded(audience)

    def _engagement(self, audience: int) -> float:
        usual = ENGAGEMENT_AT_1000 * (audience / 1000) ** ENGAGEMENT_FALL
        return round(min(22.0, max(0.2, usual * self.random.lognormvariate(0, 0.34))), 2)

    def _rate(self, audience: int, price: float) -> int:
        return rounded(min(MAX_EUROS, max(30, asked(audience) * price * self.random.lognormvariate(0, 0.38))))

    def _budget(self, usual: float) -> tuple[int, int, int, int]:
        """A budget range, and the audiences that it pays for."""
        low = rounded(usual * self.random.lognormvariate(0, 0.45))
        high = rounded(min(MAX_EUROS, low * self.random.uniform(1.8, 4)))
        least = max(500, rounded(reached(low) * self.random.uniform(0.3, 0.7)))
        return low, high, least, max(least * 2, rounded(min(20_000_000, reached(high) * self.random.uniform(1.0, 2.0))))

    # Words

    def _creator_headline(self, niche: seed_texts.Niche, niches: Sequence[str], words: Mapping[str, str]) -> str:
        make = self._deal(niche.makes)
        shapes = [make, f"{make}, from {{city}}"]
        if " for " not in make:
            shapes.append(f"{make} for {self._deal(niche.people)}")
        if "," not in make:
            shapes.append(f"{make}, {self._deal(seed_texts.MANNERS)}")
        if len(niches) > 1:
            shapes.append(f"{make}, and a little {NICHES[niches[1]].lower() if niches[1] != 'diy' else 'DIY'}")
        return self._headline(self.random.choice(shapes), make, words)

    def _brand_headline(self, industry: seed_texts.Industry, words: Mapping[str, str]) -> str:
        head = self._deal(industry.heads)
        shape = self.random.choice((head, head, f"{head}, from {{city}}", f"{head}. Since {self.now.year - int(words['years'])}"))
        return self._headline(shape, head, words)

    def _headline(self, shape: str, plain: str, words: Mapping[str, str]) -> str:
        headline = shape.format(**words)
        return headline if len(headline) <= HEADLINE_LENGTH else plain

    def _creator_bio(self, niche: seed_texts.Niche, diligence: str, words: Mapping[str, str]) -> str:
        if diligence == "new" and self.random.random() < 0.6:
            return self._deal(seed_texts.BRIEF_BIOS).format(**words)
        more = {0: seed_texts.BACKGROUNDS, 2: seed_texts.AUDIENCES, 3: seed_texts.TERMS}
        return self._bio({1: niche.opens, 1.5: niche.details}, more, words)

    def _brand_bio(self, industry: seed_texts.Industry, diligence: str, words: Mapping[str, str]) -> str:
        if diligence == "new" and self.random.random() < 0.6:
            return self._deal(seed_texts.BRIEF_COMPANY_BIOS).format(**words)
        more = {2: seed_texts.ORIGINS, 3: seed_texts.LOOKING, 4: seed_texts.CONDITIONS}
        return self._bio({1: industry.opens, 1.5: industry.details}, more, words)

    def _bio(self, own: Mapping[float, tuple[str, ...]], more: Mapping[int, tuple[str, ...]], words: Mapping[str, str]) -> str:
        """What they do and a detail of it, then one to three things that anybody may say; in one, two or three paragraphs."""
        random = self.random
        shared = random.sample(sorted(more), random.choice((1, 1, 2, 2, 3)))
        order = sorted((*own, *shared)) if random.random() < 0.6 else [*own, *sorted(shared)]
        if random.random() < 0.2:
            order.remove(1.5)
        sentences = [self._deal(own.get(place) or more[int(place)]) for place in order]
        breaks = random.sample(range(1, len(sentences)), random.choice((0, 1, 1, 2) if len(sentences) > 3 else (0, 0, 1)))
        text = "".join(("\n\n" if index in breaks else " ") + sentence for index, sentence in enumerate(sentences))
        return text.strip().format(**words)[:BIO_LENGTH]

    def _company(self, culture: str, industry: seed_texts.Industry, city: str) -> str:
        style = next(style for style, cultures in seed_texts.COMPANY_STYLE.items() if culture in cultures.split())
        for tries in range(40):
            noun = self._deal(industry.nouns)
            word = self._name(seed_texts.COMPANY_NAMES[style])
            family = self._name(seed_texts.NAMES[culture].family)
            shapes = [
                f"{word} {noun}",
                f"{word} {noun}",
                f"{family} {noun}",
                f"{self._deal(seed_texts.FIRST_WORDS)} {noun}",
                f"{word} & {family}",
            ]
            name = self.random.choice(shapes)
            if tries > 4:
                name = f"{name} {city}"
            if name not in self.companies and len(name) <= NAME_LENGTH:
                break
        self.companies.add(name)
        return name[:NAME_LENGTH]


NICHE_WEIGHTS = {"food": 2.0, "travel": 1.7, "fashion": 1.5, "beauty": 1.5, "fitness": 1.3, "tech": 1.2, "gaming": 1.2, "automotive": 0.6}
INDUSTRY_WEIGHTS = {"food-drink": 2.2, "fashion": 1.5, "beauty": 1.4, "travel-hospitality": 1.4, "charity": 0.6, "mobility": 0.6}
TRADES = {niche: [trade for trade, industry in seed_texts.INDUSTRIES.items() if niche in industry.niches] for niche in NICHES}
MOTHER_TONGUES = {country.names: country.languages[0] for country in reversed(seed_texts.COUNTRIES.values())}


def asked(audience: float) -> float:
    """Euros that are usual for a collaboration with such an audience."""
    return RATE_AT_1000 * (audience / 1000) ** RATE_GROWTH


def reached(euros: float) -> float:
    """The audience that is usual for such a rate."""
    return 1000 * (euros / RATE_AT_1000) ** (1 / RATE_GROWTH)


def rounded(amount: float) -> int:
    """As people round: 45, 140, 350, 1,200, 18,000, 45,000."""
    if amount < 100:
        return round(amount / 5) * 5
    step = 10 ** (int(math.log10(amount)) - 1)
    fine = step if amount < 25 * step else 5 * step
    return round(amount / fine) * fine
