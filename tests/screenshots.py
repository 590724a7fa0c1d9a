"""``make screenshots``: the pictures in the README, taken of a real server with its demo community.

The community is the same each time, so a picture only changes when Duet does.
"""

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.servers import ROOT, SERVE, Server, free_port

FOLDER = ROOT / "docs" / "screenshots"
MOST_BYTES = 150_000
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}
BRAND = "bo@example.com"
CREATOR = "ana@example.com"
ANOTHER_BROWSER = "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0"


def main() -> None:
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        raise SystemExit("screenshots: no Chromium on this machine")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, demo(Path(folder)) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu", "--hide-scrollbars"])
        for scheme in ("light", "dark"):
            page = member(browser, server, BRAND, color_scheme=scheme)
            shoot(page, f"deck-{scheme}")
            page.goto("/matches?niche=food&niche=travel&within=1000&sort=distance")
            shoot(page, f"filtered-{scheme}")
            page.goto("/matches")
            page.get_by_role("article").first.get_by_role("link", name=re.compile("^View profile")).click()
            page.wait_for_url("**/profiles/*")
            shoot(page, f"profile-{scheme}")
            page.goto("/requests")
            shoot(page, f"requests-{scheme}")
            page.goto("/messages")
            page.get_by_role("link", name=re.compile("Ana Ruiz")).first.click()
            page.wait_for_url("**/messages/*")
            shoot(page, f"conversation-{scheme}")

            page = member(browser, server, CREATOR, color_scheme=scheme)
            page.goto("/profile")
            shoot(page, f"editor-{scheme}")
            if scheme == "light":
                in_two_places(browser, server)
            page.goto("/profile/history")
            shoot(page, f"history-{scheme}")

            page = member(browser, server, BRAND, color_scheme=scheme, viewport=PHONE, device_scale_factor=2, has_touch=True, is_mobile=True)
            shoot(page, f"deck-phone-{scheme}")
        browser.close()


def in_two_places(browser: Browser, server: Server) -> None:
    """A few saves for the history."""
    page = member(browser, server, CREATOR, user_agent=ANOTHER_BROWSER)
    page.goto("/profile")
    for label, typed in (("Headline", "Street food and the people who cook it"), ("Rate per collaboration", "950"), ("Links", "https://example.org/ana")):
        page.get_by_label(label, exact=True).fill(typed)
        page.get_by_role("heading", level=1).click()
        page.get_by_text("Everything is saved.").wait_for()
        page.reload()
    page.get_by_label("Photography").click()
    page.get_by_text("Everything is saved.").wait_for()


@contextlib.contextmanager
def demo(instance: Path) -> Iterator[Server]:
    server = Server(instance, free_port(), {"DEMO": "1"}, command=SERVE).start()
    yield server
    server.stop()


def member(browser: Browser, server: Server, email: str, **options: Any) -> Page:
    """A browser of this member's own, logged in and looking at the deck."""
    usual = {"base_url": server.url, "viewport": DESKTOP, "device_scale_factor": 1.5, "reduced_motion": "reduce", "locale": "en-GB"}
    page = browser.new_context(**usual | options).new_page()  # type: ignore[arg-type]
    page.goto("/login")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(demo_password(server))
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/matches")
    return page


def demo_password(server: Server) -> str:
    """As the server greets whoever starts it."""
    found = re.search(r"password: (\S+)", server.log)
    assert found, server.log
    return found[1]


def shoot(page: Page, name: str) -> None:
    """Save what is in the window as WebP, in the best quality that is small enough."""
    page.locator('#connection[data-state="live"]').wait_for(state="attached")
    page.evaluate("document.fonts.ready")
    page.wait_for_function("[...document.images].every((image) => image.complete || image.getBoundingClientRect().top > innerHeight)")
    page.evaluate("document.activeElement?.blur()")
    path = FOLDER / f"{name}.webp"
    with tempfile.NamedTemporaryFile(suffix=".png") as raw:
        page.screenshot(path=raw.name)
        with Image.open(raw.name) as picture:
            for quality in range(90, 20, -5):
                picture.convert("RGB").save(path, "WEBP", quality=quality, method=6)
                if path.stat().st_size <= MOST_BYTES:
                    break
            print(f"{path.relative_to(ROOT)}  {picture.width}×{picture.height}  {path.stat().st_size / 1000:.0f} kB  quality {quality}")


if __name__ == "__main__":
    main()
