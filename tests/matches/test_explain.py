"""``flask matches explain A B``: an operator sees how one score comes about, and why a card is or is not in a deck."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.matches.models import Mark, Match
from blueprints.profiles.models import City
from tests.conftest import People

BERLIN, HAMBURG = 2950159, 2911298


@pytest.fixture
def explain(app: Flask) -> Callable[..., str]:
    """What the command prints; it has to end well."""

    def run(viewer: Any, other: Any, exit_code: int = 0) -> str:
        result = app.test_cli_runner().invoke(args=["matches", "explain", str(viewer), str(other)])
        assert result.exit_code == exit_code, result.output
        assert not result.exception or isinstance(result.exception, SystemExit)
        return result.output

    return run


Explain = Callable[..., str]


def insist(account: Account, **changes: Any) -> None:
    account.profile.revise(changes, base=account.profile.version)
    db.session.commit()


def test_it_prints_the_whole_calculation(cast: People, explain: Explain) -> None:
    """Ana and Bo as worked out by hand in test_scoring: 83.80 for her, 92.71 for him, 88 overall."""
    output = explain(cast.ana.email, cast.bo.email)

    assert f"Ana Ruiz (creator, profile {cast.ana.profile.id}) looks at Nordlys Coffee (brand, profile {cast.bo.profile.id})" in output
    lines = {line[:18].strip(): line[18:].split(maxsplit=3) for line in output.splitlines() if re.match(r".{18} +\d+ +[\d.–]+ +[\d.–]", line)}
    assert {label: row[:3] for label, row in lines.items()} == {
        "Topics and work": ["25", "0.71", "0.87"],
        "Budget": ["20", "1.00", "1.00"],
        "Platforms": ["15", "0.71", "1.00"],
        "Engagement": ["15", "–", "0.58"],
        "Audience": ["15", "–", "1.00"],
        "Location": ["10", "–", "–"],
    }
    assert lines["Budget"][3] == "€900 fits the budget of €500 to €2,000"
    assert lines["Location"][3] == "You have not answered this yet"
    assert "fit for the creator 83.80, for the brand 92.71, overall 88.15: 88, excellent match" in output
    assert "Place 1 of 1 in the deck without filters." in output
    assert "overall = √(fit for creator · fit for brand)" in output


def test_it_says_the_same_as_the_card_from_either_side(cast: People, explain: Explain) -> None:
    match = Match.between(cast.bo, cast.ana.profile.id)
    assert match and match.score

    for output in (explain(cast.ana.profile.id, cast.bo.profile.id), explain(cast.bo.email.upper(), cast.ana.profile.id)):
        assert f": {match.score}, {match.tier_label.lower()}" in output


def test_too_few_answers_make_no_score_and_it_says_so(cast: People, explain: Explain) -> None:
    output = explain(cast.cy.email, cast.bo.email)

    assert "0 factors are answered; fewer than 3 make no score." in output
    assert "overall" in output, "the formula stands there all the same"
    assert "fit for the creator" not in output.partition("make no score")[2]


def test_what_a_side_does_not_mind_has_no_weight_and_is_said(cast: People, explain: Explain) -> None:
    assert "does not mind" not in explain(cast.ana.email, cast.bo.email)
    insist(cast.bo, dont_minds=frozenset({"platforms", "location"}))

    output = explain(cast.ana.email, cast.bo.email)

    assert "Nordlys Coffee does not mind: location, platforms. That has no weight on that side." in output
    assert "for the brand 94.09" in output, "as worked out by hand in test_scoring"


def test_a_side_that_minds_nothing_has_no_fit_of_its_own(cast: People, explain: Explain) -> None:
    insist(cast.ana, dont_minds=frozenset({"niche", "industry", "campaign", "budget", "platforms", "location"}))

    assert "fit for the creator –, for the brand 92.71, overall 92.71: 93" in explain(cast.ana.email, cast.bo.email)


def test_it_says_what_each_insists_on_and_whether_that_is_met(cast: People, explain: Explain) -> None:
    insist(cast.ana, musts=frozenset({"language", "niche", "location"}))
    insist(cast.bo, musts=frozenset({"location", "engagement"}), city=db.session.get_one(City, BERLIN), max_km=250)

    output = explain(cast.ana.email, cast.bo.email)

    assert "Ana Ruiz insists on a language in common: met." in output
    assert "Ana Ruiz insists on a topic in common: met." in output
    assert "Ana Ruiz insists on a place within 100 km, or both remote: asks nothing until city is answered." in output
    assert "Nordlys Coffee insists on a place within 250 km, or both remote: not met." in output
    assert "Nordlys Coffee insists on at least the usual engagement: met." in output
    assert "Kept out of the deck by: what they ask for themselves" in output
    assert "Place" not in output
    assert "Kept out of the deck by: a place within 250 km, or both remote" in explain(cast.bo.email, cast.ana.email)


def test_it_says_that_a_card_is_hidden(cast: People, explain: Explain) -> None:
    Mark.on(cast.ana, cast.bo.profile).hide()
    db.session.commit()

    assert "Hidden by the viewer." in explain(cast.ana.email, cast.bo.email)
    assert "Place" not in explain(cast.ana.email, cast.bo.email)
    assert "Hidden" not in explain(cast.bo.email, cast.ana.email)


@pytest.mark.parametrize("who", ["ana", "bo"])
@pytest.mark.parametrize("how", ["deactivated", "admin", "other side"])
def test_who_may_not_be_seen_is_said_to_be_so(how: str, who: str, cast: People, explain: Explain) -> None:
    account = getattr(cast, who)
    if how == "deactivated":
        account.deactivate()
    else:
        account.take_role("admin" if how == "admin" else {"creator": "brand", "brand": "creator"}[account.role])
    db.session.commit()

    assert explain(cast.ana.profile.id, cast.bo.profile.id) == (
        f"Ana Ruiz may not see Nordlys Coffee: the account of {account.profile.name} is deactivated or changed sides.\n"
    )


def test_two_of_one_side_are_not_matched(cast: People, explain: Explain) -> None:
    assert "Ana Ruiz and Cy Okafor are both creators: only a creator and a brand are matched." in explain(cast.ana.email, cast.cy.email, exit_code=1)


def test_nobody_is_one_clear_line(cast: People, explain: Explain) -> None:
    for nobody in ("0", "999999", "9" * 40, "nobody@example.com", "", "٣", "1.5", "'; DROP TABLE profiles; --"):
        assert explain(cast.ana.email, nobody, exit_code=1) == f"Error: There is no profile {nobody}.\n"
        assert explain(nobody, cast.ana.email, exit_code=1) == f"Error: There is no profile {nobody}.\n"
