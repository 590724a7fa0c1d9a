"""A member puts up a picture; whatever is wrong with a file, the old picture stays."""

import errno
import io
import re
from pathlib import Path

import pytest
from PIL import Image

from blueprints.extensions import db
from blueprints.live.announcements import Announcement
from blueprints.profiles import avatars

HTMX = {"HX-Request": "true"}


def png(colour="red", size=(300, 200)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def upload(client, data: bytes, name="me.png", **options):
    return client.post("/profile/avatar", data={"avatar": (io.BytesIO(data), name)}, content_type="multipart/form-data", **options)


def test_a_picture_is_saved_and_others_see_it(ana, bo, as_user):
    assert upload(as_user(ana), png()).status_code == 302
    page = as_user(bo).get(f"/profiles/{ana.profile.id}").text
    address = re.search(r'src="(/avatars/[0-9a-f]{32}-192\.webp)"', page)

    assert address is not None
    with as_user(bo).get(address[1]) as picture:
        assert picture.status_code == 200
        assert (picture.content_type, picture.headers["X-Content-Type-Options"]) == ("image/webp", "nosniff")
        assert picture.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        with Image.open(io.BytesIO(picture.data)) as image:
            assert (image.format, image.size) == ("WEBP", (192, 192))


def test_a_new_picture_is_announced_like_any_field(ana, as_user):
    upload(as_user(ana), png())
    notices = db.session.query(Announcement).filter_by(topic=f"profile:{ana.profile.id}").all()
    assert [notice.version for notice in notices] == [2]
    assert '"fields":["avatar"]' in notices[0].data


def test_by_htmx_only_the_pictures_form_comes_back(ana, as_user):
    answer = upload(as_user(ana), png(), headers=HTMX)
    assert answer.status_code == 200
    assert answer.text.count('id="avatar-form"') == 1 and "<html" not in answer.text
    assert ana.profile.avatar in answer.text


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize("data", [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<!doctype html><script>1</script>", png()[:200], b"\x89PNG" + b"0" * 99])
def test_what_is_no_good_picture_is_said_beside_the_field_and_the_old_one_stays(data, headers, ana, as_user):
    client = as_user(ana)
    upload(client, png("blue"))
    old = ana.profile.avatar
    answer = upload(client, data, headers=headers)

    assert answer.status_code == 422
    assert re.search(r'id="field-avatar-status"[^>]*>\s*<p class="field__error">', answer.text)
    assert ana.profile.avatar == old and old in answer.text


def test_no_file_at_all_is_said_too(ana, as_user):
    assert as_user(ana).post("/profile/avatar").status_code == 422


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_more_than_the_limit_is_said_beside_the_field(headers, app, ana, as_user):
    client = as_user(ana)
    app.config["MAX_CONTENT_LENGTH"] = 100_000
    answer = upload(client, b"\x89PNG\r\n\x1a\n" + b"0" * 200_000, headers=headers)
    assert answer.status_code == 413
    assert "at most 8 MB" in answer.text and 'id="avatar-form"' in answer.text


def test_a_full_disk_keeps_the_old_picture(ana, as_user, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(avatars, "store", full)
    answer = upload(as_user(ana), png())

    assert answer.status_code == 507
    assert "could not be stored" in answer.text
    assert ana.profile.avatar is None


def test_a_picture_can_be_removed(ana, as_user):
    client = as_user(ana)
    upload(client, png())
    assert ana.profile.avatar

    assert client.post("/profile/avatar/remove").status_code == 302
    assert ana.profile.avatar is None


def test_decoding_holds_no_transaction(ana, as_user, monkeypatch):
    seen = []
    process = avatars.process
    monkeypatch.setattr("blueprints.profiles.routes.off_the_loop", lambda work, *given: (seen.append(db.session().in_transaction()), work(*given))[1])
    monkeypatch.setattr(avatars, "process", process)
    upload(as_user(ana), png())
    assert seen == [False, False]


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_picture_changed_elsewhere_since_is_not_overwritten_but_shown_beside_ones_own(headers, ana, as_user):
    client = as_user(ana)
    upload(client, png("blue"))
    theirs = ana.profile.avatar
    page = client.post("/profile/avatar", data={"avatar": (io.BytesIO(png("red")), "me.png"), "base": "1"}, content_type="multipart/form-data", headers=headers)

    assert page.status_code == 409
    assert ana.profile.avatar == theirs and theirs in page.text
    assert "Your picture was also changed in another tab" in page.text
    mine = next(digest for digest in re.findall(r'name="picture" value="([0-9a-f]{32})"', page.text))
    assert f"/avatars/{mine}-96.webp" in page.text
    with client.get(f"/avatars/{mine}-96.webp") as picture:
        assert picture.status_code == 200, "it is stored already"
    assert 'name="base" value="2"' in page.text

    done = 200 if headers else 302
    assert client.post("/profile/avatar/choose", data={"picture": "theirs", "base": "2"}, headers=headers).status_code == done
    assert (ana.profile.avatar, ana.profile.version) == (theirs, 2)
    assert client.post("/profile/avatar/choose", data={"picture": mine, "base": "1"}, headers=headers).status_code == 409, "changed again meanwhile"
    assert client.post("/profile/avatar/choose", data={"picture": mine, "base": "2"}, headers=headers).status_code == done
    assert ana.profile.avatar == mine
    assert client.post("/profile/avatar/remove", data={"base": "2"}, headers=headers).status_code == 409
    assert client.post("/profile/avatar/choose", data={"picture": "none", "base": "3"}, headers=headers).status_code == done
    assert ana.profile.avatar is None


@pytest.mark.parametrize("picture", ["", "x", "../../duet", "0" * 32])
def test_a_picture_that_is_not_there_cannot_be_chosen(picture, ana, as_user):
    assert as_user(ana).post("/profile/avatar/choose", data={"picture": picture}).status_code == 422
    assert ana.profile.avatar is None


NONE = "0" * 32


@pytest.mark.parametrize(
    "name",
    [f"{NONE}-96.webp", f"{NONE}-97.webp", "..-96.webp", "%2e%2e%2fsecret-96.webp", "x-96.webp", f"{NONE}-96.png", "-96.webp", f"{NONE}-{'9' * 50}.webp"],
)
def test_no_other_file_is_served(name, stranger):
    assert stranger.get(f"/avatars/{name}").status_code == 404


def test_nobody_uploads_without_a_log_in(app, stranger):
    assert upload(stranger, png()).status_code in (302, 401)
    assert not list(Path(app.config["MEDIA_PATH"]).rglob("*.webp"))
