"""A profile's page: the other role sees it, one's own role does not, and it stays right while it is open."""

import re

import pytest

from blueprints.extensions import db, utc_now
from blueprints.live.subjects import Subject, current_versions
from blueprints.profiles import panels
from blueprints.profiles.models import Profile


@pytest.fixture(params=["/profiles/{}", "/profiles/{}/portrait"])
def address(request):
    return request.param


def test_the_other_role_sees_it(address, ana, bo, as_user):
    page = as_user(bo).get(address.format(ana.profile.id))

    assert page.status_code == 200
    for words in ("Ana Ruiz", "48k", "€900", "4.2 %", "Food", "Instagram", "English, Spanish"):
        assert words in page.text, words


def test_a_creator_sees_what_a_brand_looks_for(address, ana, bo, as_user):
    page = as_user(ana).get(address.format(bo.profile.id)).text

    for words in ("Nordlys Coffee", "Food and drink", "€500 to €2,000", "10k to 200k", "Sustainability"):
        assert words in page, words


def test_each_role_sees_how_the_other_works(address, ana, bo, as_user):
    ana.profile.revise({"works_remotely": True, "campaign_types": {"series", "event"}, "industries": {"travel-hospitality"}}, base=1)
    bo.profile.revise({"works_remotely": True, "campaign_types": {"giveaway"}}, base=1)
    db.session.commit()
    of_ana = as_user(bo).get(address.format(ana.profile.id)).text
    of_bo = as_user(ana).get(address.format(bo.profile.id)).text

    for words in ("Open to remote work", "Kinds of collaboration", "Series", "Event", "Wants to work with", "Travel and hospitality"):
        assert words in of_ana, words
    for field in ("works_remotely", "campaign_types", "industries"):
        assert f'data-field="{field}"' in of_ana
    for words in ("Open to remote work", "Campaigns", "Giveaway", 'data-field="works_remotely"'):
        assert words in of_bo, words


def test_what_is_not_said_is_not_shown(address, ana, bo, as_user):
    page = as_user(bo).get(address.format(ana.profile.id)).text

    for field in ("works_remotely", "campaign_types", "industries", "headline", "city"):
        assert f'data-field="{field}"' not in page, field


def test_what_one_asks_of_others_is_nobodys_business(address, ana, bo, as_user):
    before = as_user(bo).get(address.format(ana.profile.id))
    ana.profile.musts, ana.profile.dont_minds, ana.profile.max_km = {"location"}, {"language"}, 250
    db.session.commit()
    assert "Ana Ruiz" in before.text

    assert without_tokens(as_user(bo).get(address.format(ana.profile.id)).text) == without_tokens(before.text)


def without_tokens(page):
    return re.sub(r'(name="csrf_token" value|nonce)="[^"]*"', "", page)


def test_oneself_sees_how_others_see_it(ana, as_user):
    assert "This is how others see you" in as_user(ana).get(f"/profiles/{ana.profile.id}").text


def test_a_stranger_of_the_same_role_finds_nothing(address, ana, cy, as_user):
    page = as_user(cy).get(address.format(ana.profile.id))
    assert page.status_code == 404
    assert "Ana Ruiz" not in page.text


def test_nobody_is_sent_to_log_in(address, ana, stranger):
    answer = stranger.get(address.format(ana.profile.id))
    assert answer.status_code in (302, 401)
    assert "Ana Ruiz" not in answer.text


def test_an_admin_sees_everyone(address, ana, cy, bo, as_user):
    db.session.delete(cy.profile)
    cy.role = "admin"
    db.session.commit()
    for account in (ana, bo):
        assert as_user(cy).get(address.format(account.profile.id)).status_code == 200


def test_a_deactivated_account_is_gone_for_others_only(address, ana, bo):
    bo.deactivated_at = utc_now()
    db.session.commit()

    def sees(viewer, id):
        return db.session.scalar(Profile.visible_to(viewer).where(Profile.id == id)) is not None

    assert not sees(ana, bo.profile.id)
    assert sees(bo, bo.profile.id)


def test_the_stream_follows_the_same_rule(ana, bo, cy):
    everyone = [Subject("profile", account.profile.id) for account in (ana, bo, cy)]
    ids = {subject.id for subject in current_versions(ana, everyone)}
    assert ids == {ana.profile.id, bo.profile.id}


@pytest.mark.parametrize("id", ["0", "-1", "999999", "9" * 50, str(2**63), "x", "1;", "٣"])
def test_a_number_that_is_nobodys_is_not_found(id, address, ana, as_user):
    assert as_user(ana).get(address.format(id)).status_code == 404


def test_an_open_page_shows_what_it_shows_at_which_version(ana, bo, as_user):
    page = as_user(bo).get(f"/profiles/{ana.profile.id}").text
    assert f'id="profile-{ana.profile.id}"' in page
    assert f'data-live="profile:{ana.profile.id}@{ana.profile.version}"' in page


def test_an_unchanged_portrait_is_not_sent_again(ana, bo, as_user):
    client, address = as_user(bo), f"/profiles/{ana.profile.id}/portrait"
    first = client.get(address)
    etag = {"If-None-Match": first.headers["ETag"]}

    assert "private" in first.headers["Cache-Control"]
    assert client.get(address, headers=etag).status_code == 304
    ana.profile.revise({"bio": "New."}, base=1)
    db.session.commit()
    assert client.get(address, headers=etag).status_code == 200


def test_a_portrait_that_is_gone_says_so_in_its_place(ana, cy, as_user):
    answer = as_user(cy).get(f"/profiles/{ana.profile.id}/portrait", headers={"HX-Request": "true"})
    assert answer.status_code == 404
    assert f'id="profile-{ana.profile.id}"' in answer.text and "no longer available" in answer.text


def test_links_lead_out_without_a_word_about_us(ana, bo, as_user):
    ana.profile.revise({"links": ("https://example.org/me?a=1&b=2",)}, base=1)
    db.session.commit()
    page = as_user(bo).get(f"/profiles/{ana.profile.id}").text
    assert '<a href="https://example.org/me?a=1&amp;b=2" rel="noopener noreferrer nofollow ugc"' in page


def test_markup_in_a_profile_is_text(ana, bo, as_user):
    ana.profile.revise({"bio": "<script>alert(1)</script>", "headline": '"><img src=x>'}, base=1)
    db.session.commit()
    page = as_user(bo).get(f"/profiles/{ana.profile.id}").text
    assert "<script>alert" not in page and "<img src=x>" not in page


def test_an_empty_profile_has_a_page_too(ana, cy, make_account, as_user):
    for viewer, account in ((ana, make_account("brand", name="New")), (make_account("brand"), cy)):
        assert as_user(viewer).get(f"/profiles/{account.profile.id}").status_code == 200


def test_other_packages_add_their_panels(ana, bo, as_user, monkeypatch):
    monkeypatch.setattr("blueprints.profiles.panels", [*panels, lambda viewer, them: None])
    asked = []
    panels.append(lambda viewer, them: asked.append((viewer.id, them.id)))
    try:
        assert as_user(bo).get(f"/profiles/{ana.profile.id}").status_code == 200
    finally:
        panels.pop()
    assert asked == [(bo.id, ana.profile.id)]
