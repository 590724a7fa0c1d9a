"""``flask matches explain A B``: the whole calculation of one match."""

from math import isnan

import click
from flask.cli import AppGroup
from sqlalchemy import select

from blueprints.accounts.models import Account, email_key
from blueprints.extensions import MAX_ID, db
from blueprints.matches.deck import standing, words_of
from blueprints.matches.filters import NO_FILTERS
from blueprints.matches.models import Match
from blueprints.matches.reasons import musts_of
from blueprints.matches.scoring import ENOUGH_FACTORS, MIDDLE, SPREAD
from blueprints.profiles.models import OTHER_ROLE, Profile

commands = AppGroup("matches", help="Look into matching.")


@commands.command("explain")
@click.argument("viewer")
@click.argument("other")
def explain(viewer: str, other: str) -> None:
    """Why VIEWER does or does not see OTHER, and how their score comes about. Each is an e-mail address or the number of a profile."""
    mine, theirs = _profile(viewer), _profile(other)
    if OTHER_ROLE[mine.role] != theirs.role:
        raise click.ClickException(f"{mine.name} and {theirs.name} are both {mine.role}s: only a creator and a brand are matched.")
    for line in _lines(mine, theirs):
        click.echo(line)


def _profile(named: str) -> Profile:
    by_id = Profile.id == int(named) if named.isascii() and named.isdigit() and int(named) <= MAX_ID else None
    asked = select(Profile).join(Profile.account).where(Account.email_key == email_key(named) if by_id is None else by_id)
    profile = db.session.scalar(asked)
    if profile is None:
        raise click.ClickException(f"There is no profile {named}.")
    return profile


def _lines(mine: Profile, theirs: Profile) -> list[str]:
    is_there = mine.account.role == mine.role and mine.account.is_here
    match = Match.between(mine.account, theirs.id) if is_there else None
    if match is None:
        who = theirs if is_there else mine
        return [f"{mine.name} may not see {theirs.name}: the account of {who.name} is deactivated or changed sides."]
    head = f"{mine.name} ({mine.role}, profile {mine.id}) looks at {theirs.name} ({theirs.role}, profile {theirs.id})"
    return [head, *_score_lines(match), *_asked_lines(match), *_deck_lines(match)]


def _score_lines(match: Match) -> list[str]:
    raw = match.result
    lines = ["", f"{'factor':<18}{'weight':>7}{'creator':>9}{'brand':>7}  in words"]
    for factor in match.factors:
        judgement = raw.judgements[factor.name]
        values = f"{_value(judgement.for_creator):>9}{_value(judgement.for_brand):>7}"
        lines.append(f"{factor.label:<18}{factor.weight:>7}{values}  {factor.words}")
    lines += ["", f"side = (Σ weight · value + {MIDDLE} · Σ weight of the unanswered) / Σ weight; the weights are those of all factors that the side minds"]
    lines += [f"fit = 100 · x√x / (x√x + {SPREAD} · (1 − x)√(1 − x));  overall = √(fit for creator · fit for brand)"]
    if match.score is None:
        return [*lines, f"{raw.answered} factors are answered; fewer than {ENOUGH_FACTORS} make no score."]
    fits = f"fit for the creator {_value(raw.for_creator)}, for the brand {_value(raw.for_brand)}, overall {raw.overall:.2f}"
    return [*lines, f"{fits}: {match.score}, {match.tier_label.lower()}"]


def _asked_lines(match: Match) -> list[str]:
    """What each side weighs at nothing, and what it insists on: the operator sees what members do not see of each other."""
    lines = [""]
    for side in (match.pair.creator, match.pair.brand):
        if side.dont_minds:
            lines.append(f"{side.name} does not mind: {', '.join(sorted(side.dont_minds))}. That has no weight on that side.")
        for must in musts_of(match.pair, side.role):
            met = f"asks nothing until {must.lacks} is answered" if must.lacks else "met" if must.is_met else "not met"
            lines.append(f"{side.name} insists on {must.words}: {met}.")
    return lines if len(lines) > 1 else []


def _deck_lines(match: Match) -> list[str]:
    stands = standing(match.viewer.account, NO_FILTERS, match.profile.id)
    lines = ["", *(f"Kept out of the deck by: {words_of(name, NO_FILTERS, match.viewer)}" for name in stands.failed)]
    if match.is_hidden:
        lines.append("Hidden by the viewer.")
    if stands.place:
        lines.append(f"Place {stands.place} of {stands.total} in the deck without filters.")
    return lines


def _value(value: float) -> str:
    return "–" if isnan(value) else f"{value:.2f}"
