"""Numbers, money, times and distances as a person reads them: the Jinja filters of every template."""

from datetime import datetime, tzinfo
from functools import lru_cache

from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import format_compact_decimal, format_currency, format_decimal
from flask import Flask
from markupsafe import Markup

from blueprints.extensions import utc_now

LOCALE = "en"
CURRENCY = "EUR"
# Formatting is the dearest part of a card and the same few numbers come again and again: hence the caches.


@lru_cache(10_000)
def compact(number: float) -> str:
    """12,400 as ``12.4k``; the exact number belongs in the title."""
    return format_compact_decimal(number, format_type="short", locale=LOCALE, fraction_digits=1).replace("K", "k")


@lru_cache(10_000)
def number(value: float) -> str:
    return format_decimal(value, locale=LOCALE)


@lru_cache(10_000)
def money(amount: int) -> str:
    """Whole euros with their sign: ``€1,200``."""
    return format_currency(amount, CURRENCY, locale=LOCALE, format="¤#,##0", currency_digits=False)


@lru_cache(10_000)
def percent(value: float) -> str:
    return f"{format_decimal(value, format='0.##', locale=LOCALE)} %"


def ago(moment: datetime) -> Markup:
    """A ``<time>`` that reads "2 hours ago", with the exact UTC moment as its title."""
    words = format_timedelta(moment - utc_now(), add_direction=True, locale=LOCALE)
    return _time(moment, words)


def clock(moment: datetime, zone: tzinfo) -> Markup:
    """A ``<time>`` of the day: "14:03"."""
    return _time(moment, moment.astimezone(zone).strftime("%H:%M"))


def day(moment: datetime, zone: tzinfo) -> str:
    """The day as people say it: "Today", "Yesterday", "Saturday 21 November"."""
    then, today = moment.astimezone(zone).date(), utc_now().astimezone(zone).date()
    if (today - then).days in (0, 1):
        return "Today" if then == today else "Yesterday"
    return format_date(then, "EEEE d MMMM" if then.year == today.year else "d MMMM y", locale=LOCALE)


def moment(moment: datetime, zone: tzinfo) -> Markup:
    """A ``<time>`` within a sentence: "today at 14:03", "on Saturday 21 November at 14:03"."""
    then = day(moment, zone)
    on = then.lower() if then in ("Today", "Yesterday") else f"on {then}"
    return _time(moment, f"{on} at {moment.astimezone(zone):%H:%M}")


def lately(moment: datetime, zone: tzinfo) -> Markup:
    """A ``<time>`` in the least room: "14:03" of today, "Sat" of this week, "21 Nov" of this year."""
    then, today = moment.astimezone(zone).date(), utc_now().astimezone(zone).date()
    if then == today:
        return clock(moment, zone)
    shape = "EEE" if (today - then).days < 7 else "d MMM" if then.year == today.year else "MMM y"
    return _time(moment, format_date(then, shape, locale=LOCALE))


def _time(moment: datetime, words: str) -> Markup:
    return Markup('<time datetime="{}" title="{}">{}</time>').format(moment.isoformat(timespec="seconds"), _exact(moment.replace(second=0, microsecond=0)), words)


@lru_cache(10_000)
def _exact(minute: datetime) -> str:
    return format_datetime(minute, "d MMMM y, HH:mm 'UTC'", locale=LOCALE)


def distance(km: float) -> str:
    """City to city, in buckets, so that nobody can be triangulated."""
    if km < 15:
        return "same city"
    for limit in (50, 100, 250, 500, 1000, 2500):
        if km <= limit:
            return f"within {format_decimal(limit, locale=LOCALE)} km"
    return "more than 2,500 km away"


def init_app(app: Flask) -> None:
    for name in (compact, number, money, percent, ago, clock, day, moment, lately, distance):
        app.add_template_filter(name, name.__name__)
