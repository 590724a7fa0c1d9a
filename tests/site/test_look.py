"""What holds for all templates, stylesheets and pictures at once."""

import re
from pathlib import Path

import pytest
from flask import Flask, render_template

from blueprints.site.patterns import pattern_samples

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SIZES = {"sm", "md", "lg"}


def test_the_sprite_holds_the_icons_in_use_and_no_others() -> None:
    used: set[str] = set()
    for template in TEMPLATES:
        text = template.read_text()
        for call in re.findall(r"\bicon\(([^()]*)\)", text):
            used |= set(re.findall(r'"([a-z0-9-]+)"', call)) - SIZES
        for marks in re.findall(r"MARKS = \{(.*?)\}", text, re.DOTALL):
            used |= set(re.findall(r': "([a-z0-9-]+)"', marks))

    held = re.findall(r'<symbol id="([a-z0-9-]+)"', (ROOT / "static" / "icons.svg").read_text())

    assert held == sorted(used)


def test_every_stylesheet_is_linked_once() -> None:
    [listed] = re.findall(r"for sheet in \[(.*?)\]", (ROOT / "templates" / "layout.html").read_text(), re.DOTALL)
    assert sorted(re.findall(r'"([a-z-]+)"', listed)) == sorted(path.stem for path in (ROOT / "static" / "css").glob("*.css"))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_no_template_carries_style_or_script_that_the_policy_forbids(template: Path) -> None:
    text = template.read_text()
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)", text)


def test_the_heading_face_stays_small() -> None:
    [face] = (ROOT / "static" / "vendor").glob("bricolage-*/*.woff2")
    assert face.stat().st_size <= 60_000


def test_the_pattern_page_shows_a_card_in_every_state_and_none_of_them_is_live(app: Flask) -> None:
    with app.test_request_context("/patterns"):
        page = render_template("site/patterns.html", **pattern_samples())

    assert page.count('class="match-card ') == len(pattern_samples()["cards"]) + 1
    assert "This profile is no longer available" in page
    assert 'data-live="profile:' not in page
