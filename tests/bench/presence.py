"""Who is here, while nobody comes or goes: what noting it costs a worker with 1,000 members online, and what that worker costs in all."""

import time
from pathlib import Path

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.presence.keeper import REFRESH_SECONDS
from blueprints.profiles.models import Profile
from tests.bench.community import community, say
from tests.bench.load import Streams, cookie_for, cpu_seconds
from tests.conftest import app_on
from tests.servers import duet

MEMBERS = 1_000
SECONDS = 4 * int(REFRESH_SECONDS)  # of the keeper's time, as fast as it goes
IDLE_SECONDS = REFRESH_SECONDS + 5  # of real time: one refresh is in it


def presence() -> None:
    with community() as (instance, _):
        cookies = members(instance)
        say(f"presence of {MEMBERS:,} members online when nothing changes", f"{100 * kept(instance):.2f} % of a core", "< 1 %")
        with duet(instance) as server:
            assert server.process
            streams = Streams(server.port)
            for cookie in cookies:
                streams.open(cookie, "me@1")
            streams.listen(lambda: False, 3)
            before, started = cpu_seconds(server.process.pid), time.perf_counter()
            streams.listen(lambda: False, IDLE_SECONDS)
            share = (cpu_seconds(server.process.pid) - before) / (time.perf_counter() - started)
            streams.close()
        say(f"a worker with {MEMBERS:,} idle streams in all, with presence", f"{100 * share:.1f} % of a core", "")


def members(instance: Path) -> list[str]:
    """A cookie of each."""
    with app_on(instance) as app, app.app_context():
        accounts = [Account(email=f"bench{number}@example.com", role="brand") for number in range(MEMBERS)]
        for account in accounts:
            account.profile = Profile(role="brand", name="Bench brand")
            db.session.add(account)
        db.session.flush()
        cookies = [cookie_for(app, account) for account in accounts]
        db.session.commit()
    return cookies


def kept(instance: Path) -> float:
    """The share of a core that the keeper takes, with its writes to the database, once all of them are noted."""
    with app_on(instance) as app:
        keeper = app.extensions["presence"]
        for account_id in range(1, MEMBERS + 1):
            keeper.hub.open(account_id, account_id)
        keeper.tick(0)
        assert len(keeper.tracker.said) == MEMBERS
        started = time.process_time()
        for second in range(1, SECONDS + 1):
            keeper.tick(second)
        return (time.process_time() - started) / SECONDS
