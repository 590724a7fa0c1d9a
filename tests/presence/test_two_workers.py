"""Presence on real servers: two workers with Redis hold streams of the same member."""

from collections.abc import Callable

from tests.conftest import PASSWORD, Cast
from tests.servers import Server
from tests.visitor import Visitor

A_FEW = 6  # so many that both workers hold some
PATIENT = 20


def test_two_workers_make_one_word_of_a_members_streams(make_server: Callable[..., Server], live_cast: Cast, redis_url: str) -> None:
    server = make_server(WEB_CONCURRENCY="2", REDIS_URL=redis_url, LIVE_HEARTBEAT_SECONDS="1", DUET_PRESENCE_GRACE_SECONDS="1", DUET_PRESENCE_AWAY_SECONDS="1")
    subject = f"presence:{live_cast.ana}"
    bo = Visitor(server.url).log_in("brand2@example.com", PASSWORD)
    ears = [bo.listen(f"{subject}@0") for _ in range(A_FEW)]

    ana = Visitor(server.url).log_in("creator1@example.com", PASSWORD)
    streams = [ana.listen() for _ in range(A_FEW)]
    for ear in ears:
        assert ear.next(subject, within=PATIENT).data == {"v": 1}
    assert "Online" in bo.get(f"/presence/{live_cast.ana}").text

    for stream in streams:  # whichever worker is asked, and whichever holds it
        assert ana.post("/live/watch", {"stream": stream.id, "subjects": "me", "n": 1, "hidden": 1}).json["stream"]
    for ear in ears:
        assert ear.next(subject, within=PATIENT).data == {"v": 2}
    assert "Away" in bo.get(f"/presence/{live_cast.ana}").text

    for stream in streams:
        stream.close()
    for ear in ears:
        assert ear.next(subject, within=PATIENT).data == {"v": 3}, "once, by whichever of the two was left last"
    assert "Active" in bo.get(f"/presence/{live_cast.ana}").text
    for ear in ears:
        ear.close()
