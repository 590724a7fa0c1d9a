"""Avatars for the demo community, drawn by code: warm portraits for creators, cool marks for brands. The same Random, the same picture."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from PIL import Image, ImageChops, ImageDraw

SIDE = 384  # as large as avatars.pictures makes use of
GRAIN = 2  # drawn this much larger and reduced, for smooth edges

Point = tuple[float, float]
Colour = tuple[int, int, int]

# Both drawings use a canvas of 100 × 100, y downwards, and keep clear of the corners: avatars are shown round.
FACE = (50.0, 45.0)

SKINS = {
    "light": ["#f8d9c4", "#f3c9ab", "#eec1a0", "#e9b995", "#f6d2b8"],
    "medium": ["#dfa67c", "#d29a6c", "#c68b5f", "#d9a583", "#b97f56"],
    "dark": ["#9a6342", "#875337", "#74462f", "#623a27", "#a86f4b"],
}
HAIRS = {
    "light": ["#2f2420", "#4a3226", "#6d4a2f", "#8b5e34", "#b9844a", "#d8ab63", "#e6c788", "#a4502b", "#9c9794"],
    "medium": ["#1c1715", "#28201d", "#3a2820", "#4c3326", "#2b211f", "#6a4530"],
    "dark": ["#161211", "#1e1816", "#2a1f1b", "#1a1514", "#46302a"],
}
WARM = [  # a background and the shape on it
    ("#fbe3cd", "#f7cfae"),
    ("#fad7c3", "#f5bfa3"),
    ("#f9c9a8", "#f4b48a"),
    ("#f6b99b", "#f0a281"),
    ("#fde8c8", "#fad69e"),
    ("#f3a88b", "#ea9273"),
    ("#fbded6", "#f5c5b8"),
    ("#f4cdb9", "#ecb59b"),
    ("#f7d08a", "#f0bd66"),
    ("#efe3d3", "#e3d1ba"),
]
CLOTHES = [
    "#c8553d",
    "#2f4858",
    "#f4f1ea",
    "#588b8b",
    "#8f2d56",
    "#f2b34c",
    "#35524a",
    "#e4dfd5",
    "#5b5f97",
    "#b56576",
    "#2a2d34",
    "#d98c5f",
    "#7d8f69",
]
ACCENTS = ["#c8553d", "#588b8b", "#f2b34c", "#8f2d56", "#35524a", "#2f4858", "#b56576", "#e9dcc9"]
COOL = [  # background, mark, second mark
    ("#0f766e", "#f0fdfa", "#5eead4"),
    ("#155e75", "#ecfeff", "#67e8f9"),
    ("#1e3a8a", "#eff6ff", "#93c5fd"),
    ("#312e81", "#eef2ff", "#a5b4fc"),
    ("#3730a3", "#e0e7ff", "#f9c9a8"),
    ("#134e4a", "#ccfbf1", "#f7d08a"),
    ("#0c4a6e", "#e0f2fe", "#7dd3fc"),
    ("#d5f0ec", "#0f766e", "#14b8a6"),
    ("#dbeafe", "#1e40af", "#3b82f6"),
    ("#e0e7ff", "#3730a3", "#818cf8"),
    ("#e0f2fe", "#075985", "#0ea5e9"),
    ("#eef2f6", "#1e293b", "#0d9488"),
    ("#1e293b", "#f1f5f9", "#2dd4bf"),
    ("#ecf4f3", "#134e4a", "#6366f1"),
]
INK = "#2b211f"


@dataclass(frozen=True)
class Look:
    """What a portrait must agree with: hair as a name suggests it ("f", "m"), and a range of skin ("light", "medium", "dark")."""

    presents: str
    tone: str


def portrait(random: Random, look: Look) -> Image.Image:
    """A creator: head and shoulders on a warm ground."""
    sitter = _Sitter(random, look)
    sitter.ground()
    styles = [(style, weight) for style, weight in (FEMININE if look.presents == "f" else MASCULINE) if look.tone in style.tones]
    style = random.choices(*zip(*styles, strict=True))[0]
    style.behind(sitter)
    sitter.body()
    sitter.head()
    if look.presents == "m" and random.random() < (0.75 if style.bare else 0.45):
        sitter.beard()
    sitter.features()
    style.front(sitter)
    if random.random() < 0.24:
        sitter.glasses()
    if look.presents == "f" and not style.covers_ears and random.random() < 0.6:
        sitter.earrings()
    return sitter.canvas.finished(margin=8)


def mark(random: Random) -> Image.Image:
    """A brand: a geometric mark in two cool colours."""
    ground, first, second = random.choice(COOL)
    canvas = Canvas(ground)
    random.choice(MARKS)(canvas, random, first, second)
    return canvas.finished(margin=9)


class Canvas:
    """A square of 100 × 100 units to draw flat shapes on."""

    def __init__(self, ground: str) -> None:
        self.pixels = SIDE * GRAIN
        self.image = Image.new("RGB", (self.pixels, self.pixels), ground)
        self.draw = ImageDraw.Draw(self.image)

    def px(self, *values: float) -> list[float]:
        return [value * self.pixels / 100 for value in values]

    def ellipse(self, x: float, y: float, rx: float, ry: float, fill: str) -> None:
        self.draw.ellipse(self.px(x - rx, y - ry, x + rx, y + ry), fill=fill)

    def polygon(self, points: Sequence[Point], fill: str) -> None:
        self.draw.polygon([(x * self.pixels / 100, y * self.pixels / 100) for x, y in points], fill=fill)

    def box(self, left: float, top: float, right: float, bottom: float, fill: str, radius: float = 0) -> None:
        self.draw.rounded_rectangle(self.px(left, top, right, bottom), radius=radius * self.pixels / 100, fill=fill)

    def arc(self, x: float, y: float, rx: float, ry: float, start: float, end: float, fill: str, width: float) -> None:
        self.draw.arc(self.px(x - rx, y - ry, x + rx, y + ry), start, end, fill=fill, width=round(width * self.pixels / 100))

    def slice(self, x: float, y: float, r: float, start: float, end: float, fill: str) -> None:
        self.draw.pieslice(self.px(x - r, y - r, x + r, y + r), start, end, fill=fill)

    def mask(self, *shapes: Sequence[Point]) -> Image.Image:
        """The union of shapes, to combine with others and then `paint`."""
        mask = Image.new("L", self.image.size)
        draw = ImageDraw.Draw(mask)
        for shape in shapes:
            draw.polygon([(x * self.pixels / 100, y * self.pixels / 100) for x, y in shape], fill=255)
        return mask

    def paint(self, mask: Image.Image, fill: str) -> None:
        self.image.paste(fill, mask=mask)

    def finished(self, margin: float) -> Image.Image:
        near, far = self.px(margin, 100 - margin)
        return self.image.resize((SIDE, SIDE), Image.Resampling.LANCZOS, box=(near, near, far, far))


def oval(x: float, y: float, rx: float, ry: float, chin: float = 0.0, power: float = 2.0) -> list[Point]:
    """An ellipse whose lower half narrows by ``chin`` (0..1) and whose sides get fuller with ``power`` above 2."""
    points = []
    for step in range(120):
        angle = step * math.tau / 120
        across = math.copysign(abs(math.cos(angle)) ** (2 / power), math.cos(angle))
        down = math.copysign(abs(math.sin(angle)) ** (2 / power), math.sin(angle))
        points.append((x + rx * across * (1 - chin * max(0.0, down) ** 2), y + ry * down))
    return points


def below(y: float) -> list[Point]:
    return [(0, y), (100, y), (100, 100), (0, 100)]


def shaded(colour: str, by: float) -> str:
    """Darker for ``by`` under 1, lighter above."""
    target, share = ((40, 20, 30), 1 - by) if by < 1 else ((255, 248, 240), by - 1)
    return "#" + "".join(f"{round(part + (goal - part) * share):02x}" for part, goal in zip(_rgb(colour), target, strict=True))


def _rgb(colour: str) -> Colour:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


class _Sitter:
    def __init__(self, random: Random, look: Look) -> None:
        self.random, self.look = random, look
        self.skin = random.choice(SKINS[look.tone])
        self.hair = random.choice(HAIRS[look.tone])
        self.backdrop = random.choice(WARM)
        self.top = random.choice([colour for colour in CLOTHES if colour != self.skin])
        self.accent = random.choice([colour for colour in ACCENTS if colour != self.top])
        self.rx = random.uniform(15.6, 17.4)
        self.ry = random.uniform(19.5, 21.0)
        self.chin = random.uniform(0.16, 0.30) if look.presents == "f" else random.uniform(0.06, 0.2)
        self.canvas = Canvas(self.backdrop[0])

    @property
    def face(self) -> list[Point]:
        return oval(*FACE, self.rx, self.ry, self.chin, 2.25)

    def around(self, margin: float, lift: float = 0.0) -> list[Point]:
        """The head with hair of that thickness on it."""
        return oval(FACE[0], FACE[1] - lift, self.rx + margin, self.ry + margin, 0, 2.2)

    def ground(self) -> None:
        canvas, shape = self.canvas, self.backdrop[1]
        match self.random.randrange(4):
            case 0:
                canvas.ellipse(50, 52, 40, 40, shape)
            case 1:
                canvas.polygon([(0, 100), (100, 12), (100, 100)], shape)
            case 2:
                canvas.box(0, 62, 100, 100, shape)
            case _:
                canvas.ellipse(self.random.choice((18, 82)), 30, 34, 34, shape)

    def body(self) -> None:
        canvas = self.canvas
        width = self.random.uniform(27, 31) if self.look.presents == "f" else self.random.uniform(31, 36)
        shoulders = oval(50, 103, width, 29, 0, 2.7)
        canvas.polygon(shoulders, self.top)
        kind = self.random.choice(("crew", "v", "shirt", "hoodie", "turtleneck", "boat"))
        if kind == "hoodie":
            canvas.polygon(oval(50, 77, 18, 9.5), shaded(self.top, 0.86))
        if kind == "boat":
            canvas.polygon(oval(50, 74, 14.5, 8), self.skin)
        neck = [(43.2, 58), (56.8, 58), (57.6, 77), (42.4, 77)]
        canvas.polygon(neck, self.skin)
        canvas.polygon(oval(50, 76.5, 7.6, 4.2), self.skin)
        shadow = ImageChops.multiply(canvas.mask(neck), canvas.mask(oval(FACE[0], FACE[1] + 4.5, self.rx, self.ry, self.chin)))
        canvas.paint(shadow, shaded(self.skin, 0.84))
        match kind:
            case "crew" | "hoodie":
                canvas.arc(50, 75.4, 9.4, 6.6, 0, 180, shaded(self.top, 0.82), 1.8)
            case "v":
                canvas.polygon([(42.6, 75), (57.4, 75), (50, 88)], self.skin)
            case "shirt":
                canvas.polygon([(43, 73), (57, 73), (50, 84)], self.skin)
                for side in (-1, 1):
                    canvas.polygon(
                        [(50 + side * 7.2, 71), (50 + side * 12.4, 77), (50 + side * 6.4, 87), (50, 82.4)], shaded(self.top, 1.3)
                    )
                canvas.draw.line(canvas.px(50, 84, 50, 100), fill=shaded(self.top, 0.84), width=round(canvas.pixels * 0.007))
            case "turtleneck":
                canvas.box(41.6, 68.5, 58.4, 82, shaded(self.top, 0.93), 3)

    def head(self) -> None:
        canvas = self.canvas
        for side in (-1, 1):
            canvas.ellipse(50 + side * (self.rx - 0.1), 47, 3.1, 4.3, self.skin)
            canvas.ellipse(50 + side * (self.rx + 0.2), 47.2, 1.5, 2.5, shaded(self.skin, 0.86))
        canvas.polygon(self.face, self.skin)
        cheeks = ImageChops.multiply(canvas.mask(self.face), canvas.mask(oval(41, 53, 3.6, 2.4), oval(59, 53, 3.6, 2.4)))
        canvas.paint(cheeks.point(lambda value: value * 0.30), "#e0674f")

    def features(self) -> None:
        canvas, random = self.canvas, self.random
        apart, brow = random.uniform(6.7, 7.7), shaded(self.hair, 0.8) if self.look.tone != "dark" else "#1a1312"
        tilt, raised = random.choice((8, 16, 24)), random.uniform(0, 1)
        wide = random.random() < 0.55
        for side in (-1, 1):
            x = 50 + side * apart
            if wide:
                canvas.ellipse(x, 46, 2.5, 2.1, "#fffaf4")
                canvas.ellipse(x + 0.2, 46, 1.6, 1.9, INK)
                canvas.ellipse(x + 0.7, 45.3, 0.5, 0.5, "#ffffff")
            else:
                canvas.ellipse(x, 46, 1.5, 1.9, INK)
                canvas.ellipse(x + 0.5, 45.3, 0.45, 0.45, "#ffffff")
            if self.look.presents == "f":
                canvas.arc(x, 46.4, 2.9, 3.0, 195, 345, INK, 0.8)
            start, end = (200, 340 - tilt) if side > 0 else (200 + tilt, 340)
            canvas.arc(x, 43.4 - raised, 4.0, 2.8, start, end, brow, 1.0 if self.look.presents == "f" else 1.5)
        line = shaded(self.skin, 0.74)
        match random.randrange(3):
            case 0:
                canvas.arc(50, 51.2, 2.2, 1.8, 20, 160, line, 0.9)
            case 1:
                canvas.arc(49.3, 50.0, 2.2, 3.2, 10, 110, line, 0.9)
            case _:
                canvas.polygon(oval(50, 51.4, 2.2, 1.2), shaded(self.skin, 0.88))
        lips = (
            shaded(self.skin, 0.62)
            if self.look.presents == "m"
            else random.choice(("#b5433c", "#a33b4b", "#c65b4e", shaded(self.skin, 0.6)))
        )
        match random.randrange(3):
            case 0:
                canvas.draw.chord(canvas.px(44.6, 52.4, 55.4, 60.6), 12, 168, fill="#7a2f2c")
                canvas.draw.chord(canvas.px(45.6, 52.8, 54.4, 58.6), 14, 166, fill="#fffaf4")
            case 1:
                canvas.arc(50, 54.6, 5.0, 3.9, 25, 155, lips, 1.2)
            case _:
                canvas.arc(50.8, 55.0, 4.6, 3.2, 20, 140, lips, 1.2)

    def beard(self) -> None:
        canvas = self.canvas
        face = canvas.mask(self.face)
        if self.random.random() < 0.7:
            chin = oval(FACE[0], FACE[1] + 1.2, self.rx + 0.5, self.ry + 0.8, self.chin, 2.25)
            jaw = ImageChops.multiply(canvas.mask(chin), canvas.mask(below(47.5)))
            shaved = canvas.mask(oval(50, 45.2, self.rx - self.random.uniform(2.6, 4.2), 13.2), oval(50, 57.0, 5.6, 2.2))
            stubble = self.random.random() < 0.35
            mask = ImageChops.multiply(jaw, ImageChops.invert(shaved))
            canvas.paint(mask.point(lambda value: value * (0.35 if stubble else 1)), self.hair)
        if self.random.random() < 0.6:
            moustache = canvas.mask(oval(46.9, 54.0, 3.9, 1.3), oval(53.1, 54.0, 3.9, 1.3))
            canvas.paint(ImageChops.multiply(face, moustache), self.hair)

    def cap(self, margin: float, hairline: Sequence[Point], to: float = 50.0, lift: float = 0.6) -> None:
        """Hair on the head: its outline without the face, down to ``to`` at the sides."""
        canvas = self.canvas
        open_face = ImageChops.lighter(canvas.mask(hairline), canvas.mask(below(to)))
        canvas.paint(ImageChops.subtract(canvas.mask(self.around(margin, lift)), open_face), self.hair)

    def strands(self) -> str:
        return shaded(self.hair, 1.12)

    def curls(self, radius: float, spread: float, start: float, end: float, count: int) -> None:
        for step in range(count):
            angle = math.radians(start + (end - start) * step / (count - 1))
            x = FACE[0] + (self.rx + spread) * math.cos(angle)
            y = FACE[1] - 1 - (self.ry + spread) * math.sin(angle)
            size = radius * self.random.uniform(0.85, 1.15)
            self.canvas.ellipse(x, y, size, size, self.hair)

    def glasses(self) -> None:
        canvas, frame = self.canvas, self.random.choice((INK, "#6b3f2a", "#8f2d56", "#2f4858"))
        for side in (-1, 1):
            x = 50 + side * 7.4
            lens = canvas.px(x - 5.2, 42.0, x + 5.2, 50.4)
            canvas.draw.rounded_rectangle(lens, radius=canvas.pixels * 0.042, outline=frame, width=round(canvas.pixels * 0.011))
            canvas.draw.line(canvas.px(x + side * 5, 45, 50 + side * self.rx, 44.4), fill=frame, width=round(canvas.pixels * 0.011))
        canvas.arc(50, 46, 2.4, 1.6, 190, 350, frame, 1.1)

    def earrings(self) -> None:
        kind, colour = self.random.randrange(2), self.random.choice(("#e3b04b", "#f4f1ea", self.accent))
        for side in (-1, 1):
            x = 50 + side * (self.rx + 0.6)
            if kind:
                self.canvas.ellipse(x, 52.4, 1.2, 1.2, colour)
            else:
                self.canvas.arc(x, 54.4, 2.3, 2.9, 0, 360, colour, 0.8)


# Hair. Each style draws what is behind the shoulders, then what lies over the face.


def _nothing(_: _Sitter) -> None:
    pass


@dataclass(frozen=True)
class Style:
    front: Callable[[_Sitter], None]
    behind: Callable[[_Sitter], None] = _nothing
    bare: bool = False
    covers_ears: bool = False
    tones: tuple[str, ...] = tuple(SKINS)


def _crop(s: _Sitter) -> None:
    s.cap(1.7, oval(50, 52, s.rx - 1.4, 18.5, 0, 2.6), to=43)


def _side_part(s: _Sitter) -> None:
    side = s.random.choice((-1, 1))
    s.cap(2.6, oval(50 + side * 4.5, 52.5, s.rx - 0.6, 19.0, 0, 2.1), to=45)


def _quiff(s: _Sitter) -> None:
    side = s.random.choice((-1, 1))
    s.cap(1.8, oval(50, 52.5, s.rx - 1.0, 19.0, 0, 2.4), to=43)
    for step in range(7):
        s.canvas.ellipse(50 + side * (step * 3.2 - 11), 25.6 - step * 0.55, 5.0, 4.3, s.hair)


def _buzz(s: _Sitter) -> None:
    s.cap(0.4, oval(50, 52, s.rx - 1.6, 19.6, 0, 2.7), to=42, lift=0.2)


def _bald(_: _Sitter) -> None:
    pass


def _short_curls(s: _Sitter) -> None:
    s.cap(1.2, oval(50, 53, s.rx - 1.2, 18.6, 0, 2.6), to=44)
    s.curls(4.2, 0.2, 12, 168, 13)
    s.curls(3.8, -4.0, 38, 142, 8)


def _cap_hat(s: _Sitter) -> None:
    _crop(s)
    canvas, side = s.canvas, s.random.choice((-1, 1))
    canvas.paint(ImageChops.subtract(canvas.mask(s.around(3.0, 1.5)), canvas.mask(below(34.5))), s.accent)
    canvas.polygon(oval(50 + side * 9, 34.6, s.rx + 3.5, 2.5), shaded(s.accent, 0.82))


def _beanie(s: _Sitter) -> None:
    s.cap(1.6, oval(50, 52, s.rx - 1.4, 18.5, 0, 2.6), to=46)
    canvas = s.canvas
    canvas.paint(ImageChops.subtract(canvas.mask(s.around(3.4, 3.0)), canvas.mask(below(33))), s.accent)
    canvas.box(50 - s.rx - 3.0, 29.5, 50 + s.rx + 3.0, 35.8, shaded(s.accent, 0.86), 2.6)


def _tied_back(s: _Sitter) -> None:
    s.cap(1.5, oval(50, 53.0, s.rx - 1.0, 19.8, 0, 2.3), to=46)


def _man_bun(s: _Sitter) -> None:
    s.canvas.ellipse(50, 20.6, 6.2, 5.6, s.hair)
    _tied_back(s)


def _turban(s: _Sitter) -> None:
    canvas = s.canvas
    wrap = ImageChops.subtract(canvas.mask(oval(50, 32, s.rx + 5.5, 16.5, 0, 2.3)), canvas.mask(oval(50, 54, s.rx - 1, 19.5)))
    canvas.paint(wrap, s.accent)
    for step in range(3):
        canvas.arc(50 + 6 * step, 42 + step * 2, s.rx + 9, 23 - step * 3, 205, 262, shaded(s.accent, 0.86), 0.8)


def _parted_arches(s: _Sitter, at: float) -> list[Point]:
    """A face framed by hair that falls to both sides of a parting."""
    left, right = 50 - s.rx + 1.6, 50 + s.rx - 1.6
    curve = [(left, 64.0), (left, 46.0), (left + 2.0, 38.5), (at - 4, 31.5), (at, 28.2), (at + 4, 31.5), (right - 2.0, 38.5), (right, 46.0)]
    return [*curve, (right, 64.0)]


def _parting(s: _Sitter) -> None:
    s.cap(2.4, _parted_arches(s, 50 + s.random.choice((-5, 0, 5))), to=62)


def _fringe(s: _Sitter) -> None:
    left, right = 50 - s.rx + 1.4, 50 + s.rx - 1.4
    s.cap(2.6, [(left, 64), (left, 39.0), (44, 37.6), (56, 37.6), (right, 39.0), (right, 64)], to=62)


def _swept(s: _Sitter) -> None:
    side = s.random.choice((-1, 1))
    s.cap(2.6, oval(50 + side * 3.6, 53.5, s.rx - 0.4, 21.0, 0, 2.1), to=60)


def _long_behind(s: _Sitter) -> None:
    reach = s.random.uniform(74, 88)
    s.canvas.polygon(oval(50, (20 + reach) / 2, s.rx + 5.6, (reach - 20) / 2, 0, 3.0), shaded(s.hair, 0.9))


def _bob_behind(s: _Sitter) -> None:
    s.canvas.polygon(oval(50, 45.5, s.rx + 5.0, 23.5, 0, 3.2), shaded(s.hair, 0.9))


def _waves_behind(s: _Sitter) -> None:
    shade = shaded(s.hair, 0.9)
    s.canvas.polygon(oval(50, 50, s.rx + 4, 28, 0, 2.6), shade)
    for side in (-1, 1):
        for step in range(6):
            s.canvas.ellipse(50 + side * (s.rx + 2.6 + (step % 2) * 1.4), 38 + step * 7.4, 5.6, 5.6, shade)


def _curly_behind(s: _Sitter) -> None:
    shade = shaded(s.hair, 0.92)
    for ring, count in ((5.5, 22), (1.0, 18)):
        for step in range(count):
            angle = math.radians(-62 + 304 * step / (count - 1))
            x, y = 50 + (s.rx + ring) * math.cos(angle), 46 - (s.ry + ring - 1) * math.sin(angle)
            s.canvas.ellipse(x, y, s.random.uniform(4.6, 5.9), s.random.uniform(4.6, 5.9), shade)


def _curly_front(s: _Sitter) -> None:
    s.cap(2.0, oval(50, 54, s.rx - 0.6, 20.5, 0, 2.4), to=44)
    s.curls(4.0, -0.4, 18, 162, 14)
    s.curls(3.4, -3.6, 40, 140, 8)


def _afro_behind(s: _Sitter) -> None:
    size = s.random.uniform(8.0, 11.5)
    s.canvas.polygon(oval(50, 38.5, s.rx + size, s.ry + size - 1.5, 0, 2.1), s.hair)


def _afro_front(s: _Sitter) -> None:
    s.cap(2.0, oval(50, 54.5, s.rx - 1.0, 21.4, 0, 2.5), to=46)


def _bun_behind(s: _Sitter) -> None:
    s.canvas.ellipse(50, 19.0, 8.2, 7.4, s.hair)
    s.canvas.ellipse(50, 24.0, 6.6, 2.6, shaded(s.hair, 0.82))


def _ponytail_behind(s: _Sitter) -> None:
    side = s.random.choice((-1, 1))
    for step in range(14):
        x = 50 + side * (s.rx - 1 + 8.4 * math.sin(step / 13 * 2.2))
        s.canvas.ellipse(x, 27 + step * 3.2, 5.4 - step * 0.16, 5.4, shaded(s.hair, 0.92))


def _braids_behind(s: _Sitter) -> None:
    for side in (-1, 1):
        for step in range(8):
            s.canvas.ellipse(50 + side * (s.rx + 2.2 + 0.25 * step), 50 + step * 4.8, 4.3, 3.6, shaded(s.hair, 0.95 if step % 2 else 0.84))


def _headscarf_behind(s: _Sitter) -> None:
    s.canvas.polygon(oval(50, 50, s.rx + 5.2, 28, 0, 2.5), s.accent)


def _headscarf_front(s: _Sitter) -> None:
    canvas = s.canvas
    opening = canvas.mask(oval(50, 48.5, s.rx - 1.3, 18.6, 0.12, 2.3))
    canvas.paint(
        ImageChops.subtract(canvas.mask(oval(50, 47.5, s.rx + 4.6, 27.0, 0, 2.4), oval(50, 76, 17, 12, 0, 2.4)), opening), s.accent
    )
    canvas.arc(55, 70, 14, 9, 30, 165, shaded(s.accent, 0.84), 0.9)
    canvas.arc(50, 46.5, s.rx + 1.0, 21.5, 215, 325, shaded(s.accent, 0.9), 0.8)


FEMININE = [
    (Style(_parting, _long_behind, covers_ears=True), 5),
    (Style(_fringe, _long_behind, covers_ears=True), 3),
    (Style(_swept, _long_behind, covers_ears=True), 3),
    (Style(_parting, _waves_behind, covers_ears=True), 4),
    (Style(_swept, _waves_behind, covers_ears=True), 3),
    (Style(_fringe, _bob_behind, covers_ears=True), 3),
    (Style(_parting, _bob_behind, covers_ears=True), 3),
    (Style(_tied_back, _bun_behind), 4),
    (Style(_tied_back, _ponytail_behind), 3),
    (Style(_parting, _braids_behind, covers_ears=True), 2),
    (Style(_curly_front, _curly_behind, covers_ears=True), 4),
    (Style(_afro_front, _afro_behind), 2),
    (Style(_side_part), 2),
    (Style(_short_curls), 1),
    (Style(_beanie, _long_behind, covers_ears=True), 1),
    (Style(_headscarf_front, _headscarf_behind, covers_ears=True, tones=("medium",)), 2),
]
MASCULINE = [
    (Style(_crop), 5),
    (Style(_side_part), 5),
    (Style(_quiff), 4),
    (Style(_buzz), 3),
    (Style(_bald, bare=True), 2),
    (Style(_short_curls), 4),
    (Style(_cap_hat), 2),
    (Style(_beanie), 2),
    (Style(_man_bun), 2),
    (Style(_parting, _bob_behind, covers_ears=True), 1),
    (Style(_afro_front, _afro_behind), 1),
    (Style(_turban, covers_ears=True, tones=("medium",)), 1),
]


# Marks. Each stays inside the circle in which avatars are shown.


def _quarters(c: Canvas, random: Random, first: str, second: str) -> None:
    turn = [0, 90, 180, 270]
    for index, (x, y) in enumerate(((28, 28), (50, 28), (28, 50), (50, 50))):
        start = random.choice(turn)
        corner = {0: (x, y), 90: (x + 22, y), 180: (x + 22, y + 22), 270: (x, y + 22)}[start]
        c.slice(*corner, 22, start, start + 90, second if index in random.sample(range(4), 2) else first)


def _rings(c: Canvas, random: Random, first: str, second: str) -> None:
    start = random.choice((0, 90, 180, 270))
    for index, radius in enumerate((26, 17.5, 9)):
        c.arc(
            50,
            50,
            radius,
            radius,
            start + 60 * index,
            start + 60 * index + random.choice((230, 270, 300)),
            (first, second, first)[index],
            5.2,
        )


def _venn(c: Canvas, random: Random, first: str, second: str) -> None:
    upright = random.random() < 0.5
    a, b = (oval(50, 40, 17, 17), oval(50, 60, 17, 17)) if upright else (oval(40, 50, 17, 17), oval(60, 50, 17, 17))
    c.polygon(a, first)
    c.polygon(b, second)
    c.paint(ImageChops.multiply(c.mask(a), c.mask(b)), c.image.getpixel((0, 0)))  # type: ignore[arg-type]


def _mountain(c: Canvas, random: Random, first: str, second: str) -> None:
    c.ellipse(random.choice((38, 62)), 34, 6.5, 6.5, second)
    c.polygon([(22, 70), (42, 36), (62, 70)], first)
    c.polygon([(45, 70), (60, 46), (78, 70)], second)


def _horizon(c: Canvas, random: Random, first: str, second: str) -> None:
    c.slice(50, 52, 24, 180, 360, second)
    for index in range(3):
        c.box(26 + index * 4, 57 + index * 7, 74 - index * 4, 60.6 + index * 7, first, 1.8)


def _petals(c: Canvas, random: Random, first: str, second: str) -> None:
    count = random.choice((5, 6, 8))
    for index in range(count):
        angle = index * math.tau / count
        leaf = oval(0, -16, 6.4 if count < 8 else 5.0, 12)
        c.polygon(
            [(50 + x * math.cos(angle) - y * math.sin(angle), 50 + x * math.sin(angle) + y * math.cos(angle)) for x, y in leaf], first
        )
    c.ellipse(50, 50, 6, 6, second)


def _waves(c: Canvas, random: Random, first: str, second: str) -> None:
    for index in range(3):
        top = 34 + index * 12
        upper = [(24 + step, top + 4 * math.sin(step / 52 * math.tau * 1.5 + index)) for step in range(53)]
        c.polygon([*upper, *((x, y + 5.4) for x, y in reversed(upper))], (first, second, first)[index])


def _hexagon(c: Canvas, random: Random, first: str, second: str) -> None:
    corners = [(50 + 27 * math.cos(math.radians(60 * step - 90)), 50 + 27 * math.sin(math.radians(60 * step - 90))) for step in range(6)]
    c.polygon(corners, first)
    c.polygon([(50, 50), corners[1], corners[2], corners[3]], second)
    if random.random() < 0.5:
        c.polygon([(50, 50), corners[3], corners[4], corners[5]], shaded(second, 0.8))


def _stripes(c: Canvas, random: Random, first: str, second: str) -> None:
    lean = random.choice((-14, 0, 14))
    bands = [[(24 + i * 9 + lean, 20), (29.5 + i * 9 + lean, 20), (29.5 + i * 9 - lean, 80), (24 + i * 9 - lean, 80)] for i in range(-1, 7)]
    for colour, part in ((first, bands[::2]), (second, bands[1::2])):
        c.paint(ImageChops.multiply(c.mask(*part), c.mask(oval(50, 50, 27, 27))), colour)


def _leaf(c: Canvas, random: Random, first: str, second: str) -> None:
    side = random.choice((-1, 1))
    for colour, x, size in ((first, 50 - side * 7, 30), (second, 50 + side * 12, 18)):
        facing = -side if colour == first else side
        a, b = oval(x + facing * size * 0.42, 52, size * 0.72, size), oval(x - facing * size * 0.42, 46, size * 0.72, size)
        c.paint(ImageChops.multiply(c.mask(a), c.mask(b)), colour)


def _blocks(c: Canvas, random: Random, first: str, second: str) -> None:
    lit = set(random.sample(range(9), 3))
    for index in range(9):
        x, y = 29 + index % 3 * 14.6, 29 + index // 3 * 14.6
        if index in lit:
            c.ellipse(x + 6.4, y + 6.4, 6.4, 6.4, second)
        else:
            c.box(x, y, x + 12.8, y + 12.8, first, 2.4)


def _bolt(c: Canvas, random: Random, first: str, second: str) -> None:
    c.ellipse(50, 50, 27, 27, second)
    c.polygon([(55, 27), (36, 54), (48, 54), (45, 73), (64, 45), (52, 45)], first)


def _arches(c: Canvas, random: Random, first: str, second: str) -> None:
    for index, radius in enumerate((25, 17, 9)):
        colour = (first, second, first)[index]
        c.arc(50, 58, radius, radius, 180, 360, colour, 5)
        for side in (-1, 1):
            edge = 50 + side * radius
            c.box(min(edge, edge - side * 5), 57.5, max(edge, edge - side * 5), 70, colour)


MARKS = [_quarters, _rings, _venn, _mountain, _horizon, _petals, _waves, _hexagon, _stripes, _leaf, _blocks, _bolt, _arches]
