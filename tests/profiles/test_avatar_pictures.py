import struct
import threading
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from blueprints.profiles import avatars
from blueprints.profiles.avatars import AvatarError

WHITE, BLACK, RED, BLUE = (255, 255, 255), (0, 0, 0), (255, 0, 0), (0, 0, 255)


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def photo(width: int = 640, height: int = 480) -> Image.Image:
    """Something with detail, so that its JPEG has data to lose."""
    return Image.effect_mandelbrot((width, height), (-2.0, -1.5, 1.0, 1.5), 60).convert("RGB")


def png(width: int, height: int, rows: bytes, depth: int = 8, colour: int = 0) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def largest(data: bytes) -> Image.Image:
    return opened(avatars.process(data)[192])


def opened(picture: bytes) -> Image.Image:
    image = Image.open(BytesIO(picture))
    image.load()
    return image


def about(pixel, expected, tolerance: int = 12) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(pixel, expected, strict=True))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_picture_becomes_three_square_webp_files(kind):
    pictures = avatars.process(encoded(photo(), kind))

    assert set(pictures) == {48, 96, 192}
    for size, picture in pictures.items():
        image = opened(picture)
        assert (image.format, image.size, image.mode) == ("WEBP", (size, size), "RGB")


def test_the_middle_of_a_wide_picture_is_kept():
    wide = Image.new("RGB", (900, 300), RED)
    wide.paste(BLUE, (300, 0, 600, 300))

    image = largest(encoded(wide, "PNG"))

    assert about(image.getpixel((4, 96)), BLUE) and about(image.getpixel((187, 96)), BLUE)


def test_a_small_picture_is_enlarged():
    assert largest(encoded(photo(48, 60), "PNG")).size == (192, 192)


def test_place_comments_and_profile_leave_with_the_metadata():
    exif = Image.Exif()
    exif[0x010E] = "SECRET-DESCRIPTION"
    exif.get_ifd(0x8825).update({1: "N", 2: (38.0, 42.0, 49.0), 3: "W", 4: (9.0, 8.0, 22.0)})
    profile = b"SECRET-PROFILE" * 20
    upload = encoded(photo(), "JPEG", exif=exif, comment=b"SECRET-COMMENT", icc_profile=profile, xmp=b"<x>SECRET-XMP</x>")
    for secret in (b"SECRET-DESCRIPTION", b"SECRET-COMMENT", b"SECRET-PROFILE", b"SECRET-XMP"):
        assert secret in upload
    assert Image.open(BytesIO(upload)).getexif().get_ifd(0x8825)

    for picture in avatars.process(upload).values():
        assert b"SECRET" not in picture
        assert not {b"EXIF", b"XMP ", b"ICCP", b"VP8X"} & {picture[i : i + 4] for i in range(12, len(picture))}
        assert not opened(picture).getexif()
        assert not {"exif", "icc_profile", "xmp", "comment"} & set(opened(picture).info)


def test_text_inside_a_png_or_gif_is_gone():
    note = PngImagePlugin.PngInfo()
    note.add_text("Comment", "SECRET")
    for upload in (encoded(photo(), "PNG", pnginfo=note), encoded(photo(), "GIF", comment=b"SECRET")):
        assert b"SECRET" in upload
        assert all(b"SECRET" not in picture for picture in avatars.process(upload).values())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_taken_sideways_stands_upright(orientation):
    upright = Image.new("RGB", (300, 300), WHITE)
    upright.paste(RED, (0, 0, 150, 150))
    upright.paste(BLUE, (150, 0, 300, 150))
    sideways = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    taken = upright.transpose(sideways[orientation]) if orientation in sideways else upright
    exif = Image.Exif()
    exif[avatars.ORIENTATION] = orientation

    image = largest(encoded(taken, "PNG", exif=exif))

    assert about(image.getpixel((40, 40)), RED) and about(image.getpixel((150, 40)), BLUE) and about(image.getpixel((96, 150)), WHITE)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_broken_exif_does_not_spoil_a_good_picture():
    assert largest(encoded(photo(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff nonsense")).size == (192, 192)


def test_transparency_shows_white():
    clear = Image.new("RGBA", (200, 200), (0, 0, 0, 0))
    clear.paste((255, 0, 0, 255), (0, 0, 200, 100))

    image = largest(encoded(clear, "PNG"))

    assert about(image.getpixel((96, 20)), RED) and about(image.getpixel((96, 170)), WHITE)


def test_a_palette_png_with_a_transparent_colour_keeps_its_colours():
    palette = Image.new("P", (200, 200), 0)
    palette.putpalette([0, 0, 255, 255, 0, 0])
    palette.paste(1, (0, 0, 200, 100))

    image = largest(encoded(palette, "PNG", transparency=0))

    assert about(image.getpixel((96, 20)), RED) and about(image.getpixel((96, 170)), WHITE)


def test_a_cmyk_jpeg_keeps_its_colours():
    image = largest(encoded(Image.new("CMYK", (200, 200), (0, 255, 255, 0)), "JPEG"))

    assert about(image.getpixel((96, 96)), RED, tolerance=30)


def test_a_16_bit_grey_png_keeps_its_shades():
    row = b"\0" + b"".join(struct.pack(">H", value * 65535 // 199) for value in range(200))

    image = largest(png(200, 200, zlib.compress(row * 200), depth=16))

    assert about(image.getpixel((96, 96)), (128, 128, 128)) and image.getpixel((4, 96))[0] < 20 and image.getpixel((187, 96))[0] > 235


def test_a_wide_gamut_picture_keeps_its_look_without_its_profile():
    assert largest(encoded(photo(), "JPEG", icc_profile=_srgb())).size == (192, 192)


def _srgb() -> bytes:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def test_an_animated_gif_shows_its_first_picture():
    frames = [Image.new("RGB", (100, 100), colour) for colour in (RED, BLUE, WHITE)]
    animated = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100)
    assert Image.open(BytesIO(animated)).n_frames == 3

    assert about(largest(animated).getpixel((96, 96)), RED)


def test_a_gallery_jpeg_from_a_phone_is_a_jpeg():
    assert largest(encoded(photo(), "MPO", save_all=True, append_images=[photo()])).size == (192, 192)


def test_a_png_with_a_web_page_behind_it_leaves_the_page_behind():
    upload = encoded(photo(), "PNG") + b"<html><script>alert(1)</script>"

    assert all(b"<script" not in picture for picture in avatars.process(upload).values())


SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
ANIMATION = b"GIF89a" + struct.pack("<HHBBB", 64, 64, 0x80, 0, 0) + bytes(6)
ANIMATION += (b"\x21\xf9\x04\0\0\0\0\0" + b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\0") * 20_000 + b"\x3b"

REFUSED = {
    "nothing": (lambda: b"", "empty"),
    "an SVG": (lambda: SVG, "SVG"),
    "an SVG after a byte order mark": (lambda: b"\xef\xbb\xbf \n" + SVG, "SVG"),
    "a web page": (lambda: b"<!DOCTYPE html><script>alert(1)</script>", "web page"),
    "a web page that ends as a PNG": (lambda: b"<html><!--" + encoded(photo(), "PNG"), "web page"),
    "a text": (lambda: b"hello", "JPEG, PNG, WebP or GIF"),
    "a BMP": (lambda: encoded(photo(), "BMP"), "JPEG, PNG, WebP or GIF"),
    "a HEIC": (lambda: b"\0\0\0\x18ftypheic" + bytes(100), "HEIC"),
    "900 megapixels": (lambda: png(30_000, 30_000, zlib.compress(bytes(10_000)), depth=1), "too large"),
    "100 megapixels": (lambda: png(10_000, 10_000, zlib.compress(bytes(10_000)), depth=1), "too large"),
    "60 megapixels": (lambda: png(10_000, 6_000, zlib.compress(bytes(10_000)), depth=1), "too large"),
    "a ribbon": (lambda: png(20_000, 100, zlib.compress(bytes(10_000)), depth=1), "too large"),
    "a huge WebP": (lambda: b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0" + b"\xff\x3f\0" * 2 + bytes(40), "too large"),
    "a huge lossless WebP": (lambda: b"RIFF\0\0\0\0WEBPVP8L\x0a\0\0\0\x2f\xff\xff\xff\x0f" + bytes(40), "too large"),
    "a WebP of nothing": (lambda: b"RIFF\0\0\0\0WEBP", "damaged"),
    "too small": (lambda: encoded(photo(47, 200), "PNG"), "too small"),
    "half a JPEG": (lambda: _cut(encoded(photo(), "JPEG")), "damaged"),
    "half a progressive JPEG": (lambda: _cut(encoded(photo(), "JPEG", progressive=True)), "damaged"),
    "half a large JPEG": (lambda: _cut(encoded(photo(3000, 2000), "JPEG")), "damaged"),
    "half a PNG": (lambda: _cut(encoded(photo(), "PNG")), "damaged"),
    "half a WebP": (lambda: _cut(encoded(photo(), "WEBP")), "damaged"),
    "half a GIF": (lambda: _cut(encoded(photo(), "GIF")), "damaged"),
    "a JPEG header alone": (lambda: b"\xff\xd8\xff\xe0\0\x10JFIF", "damaged"),
    "a PNG of nothing": (lambda: png(100, 100, b""), "damaged"),
    "a PNG of noise": (lambda: png(100, 100, b"noise"), "damaged"),
    "9 MB": (lambda: encoded(photo(), "PNG") + bytes(9 * 1024**2), "8 MB"),
    "an animation of 20,000 pictures": (lambda: ANIMATION, "animation"),
}


def _cut(data: bytes) -> bytes:
    return data[: len(data) * 6 // 10]


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_file_is_refused_with_words_that_help(name):
    make, words = REFUSED[name]

    with pytest.raises(AvatarError, match=words) as refusal:
        avatars.process(make())

    message = str(refusal.value)
    assert message.endswith(".") and ": " in message and not set("{}<>[]") & set(message)


def test_the_900_megapixel_png_is_a_real_one_of_a_few_kilobytes():
    bomb = png(30_000, 30_000, zlib.compress(bytes(30_000 * 3_751), 9), depth=1)

    assert len(bomb) < 200_000
    with pytest.raises(AvatarError, match="too large"):
        avatars.process(bomb)


def test_a_jpeg_cut_anywhere_is_refused_or_whole():
    """Cut in its last bytes a JPEG may still hold every pixel; wherever it does not, nothing grey is accepted."""
    whole = encoded(photo(), "JPEG")
    for missing in (3, 20, 200, 2_000):
        with pytest.raises(AvatarError):
            avatars.process(whole[:-missing])


def test_many_threads_may_process_at_once():
    upload, made = encoded(photo(), "JPEG"), []
    threads = [threading.Thread(target=lambda: made.append(avatars.process(upload))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(made) == 6 and all(pictures == made[0] for pictures in made)


def test_the_same_picture_has_the_same_name_and_another_has_another():
    one, two = avatars.process(encoded(photo(), "PNG")), avatars.process(encoded(photo(500, 480), "PNG"))

    assert avatars.digest(one) == avatars.digest(dict(reversed(one.items()))) != avatars.digest(two)
    assert len(avatars.digest(one)) == 32


def test_stored_pictures_are_found_again(tmp_path):
    pictures = avatars.process(encoded(photo(), "PNG"))

    digest = avatars.store(pictures, tmp_path)

    assert avatars.store(pictures, tmp_path) == digest == avatars.digest(pictures)
    assert {size: avatars.path(tmp_path, digest, size).read_bytes() for size in avatars.SIZES} == pictures
    assert len(files(tmp_path)) == 3


def test_a_file_lost_or_cut_short_is_written_again(tmp_path):
    pictures = avatars.process(encoded(photo(), "PNG"))
    digest = avatars.store(pictures, tmp_path)
    avatars.path(tmp_path, digest, 48).unlink()
    avatars.path(tmp_path, digest, 96).write_bytes(b"")

    avatars.store(pictures, tmp_path)

    assert {size: avatars.path(tmp_path, digest, size).read_bytes() for size in avatars.SIZES} == pictures


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch, step):
    pictures = avatars.process(encoded(photo(), "PNG"))
    calls = []

    def full(*args):
        calls.append(args)
        if step == "replace" or len(calls) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(avatars.os, step, full)

    with pytest.raises(OSError, match="No space"):
        avatars.store(pictures, tmp_path)
    assert files(tmp_path) == []


def files(folder: Path) -> list[Path]:
    return [found for found in folder.rglob("*") if found.is_file()]


@pytest.mark.parametrize(
    ("digest", "size"),
    [
        ("../../etc/passwd", 96),
        ("", 48),
        ("a" * 31, 96),
        ("a" * 33, 48),
        ("A" * 32, 96),
        ("a" * 32 + "\n", 96),
        ("a" * 32, 97),
        ("a" * 32, 0),
    ],
)
def test_only_our_own_names_lead_to_a_file(tmp_path, digest, size):
    with pytest.raises(ValueError):
        avatars.path(tmp_path, digest, size)
