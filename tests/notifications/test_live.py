"""Over a real stream: what happens beside the requests reaches the open page, and nobody else's."""

import re

from tests.conftest import PASSWORD, Cast
from tests.servers import Server
from tests.visitor import Visitor

SLOW = 20


def test_a_saved_profile_changes_and_becomes_a_perfect_match_and_the_open_page_of_who_saved_it_hears(server: Server, live_cast: Cast) -> None:
    ana, bo, cy = (Visitor(server.url).log_in(f"{who}@example.com", PASSWORD) for who in ("creator1", "brand2", "creator3"))
    bo.post(f"/matches/{live_cast.ana}/save")
    ear, foreign, mine = bo.listen("notifications@0", "me@1"), cy.listen("notifications@0"), ana.listen("notifications@0")

    ana.patch("/profile", {"rate": "950", "base": 1})

    assert ear.next("notifications", within=SLOW).data == {"v": 1}
    ear.next("me", within=SLOW)
    assert "changed their rate" in bo.get("/notifications").text
    assert foreign.heard(0.5) == mine.heard(0.5) == []


def test_somebody_who_becomes_a_perfect_match_reaches_those_it_is_one_for(server: Server, live_cast: Cast) -> None:
    ana, bo = (Visitor(server.url).log_in(f"{who}@example.com", PASSWORD) for who in ("creator1", "brand2"))
    assert bo.patch("/profile", {"campaign_types": "ugc", "base": 1}).status == 200
    assert bo.patch("/profile", {"works_remotely": "yes", "base": 2}).status == 200
    ear = bo.listen("notifications@0")

    base = 1
    for changes in ({"niches": ["food", "sustainability"]}, {"platforms": "instagram"}, {"campaign_types": "ugc"}, {"industries": "food-drink"},
                    {"works_remotely": "yes"}, {"audience_size": "50000"}, {"engagement_rate": "9"}, {"rate": "600"}):  # fmt: skip
        answer = ana.patch("/profile", {**changes, "base": base})
        assert answer.status == 200, answer.text
        base += 1

    ear.next("notifications", within=SLOW)
    page = bo.get("/notifications").text
    assert "is a perfect match for you" in page
    assert len(re.findall(r'<li class="notification', page)) == 1, "once"
