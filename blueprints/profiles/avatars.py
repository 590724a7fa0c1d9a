"""Uploaded pictures become three square WebP files that carry nothing but pixels.

Pure and thread-safe: no Flask and no state between calls. Decoding happens in C and would hold up every greenlet of a worker,
so routes call `process` in gevent's thread pool.
"""

import hashlib
import os
import re
import secrets
import struct
import warnings
from collections.abc import Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageCms

SIZES = (48, 96, 192)
MAX_BYTES = 8 * 1024 * 1024
MAX_PIXELS = 50_000_000  # today's phones take 48-megapixel pictures; decoded, that is 200 MB for a moment
MAX_SIDE = 12_000
MAX_FRAMES = 1_000
MIN_SIDE = 48

DAMAGED = "That picture is damaged: try saving it again, or choose another."
UNKNOWN = "That file is not a picture Duet can read: choose a JPEG, PNG, WebP or GIF."

MAGIC = {"JPEG": rb"\xff\xd8\xff", "PNG": rb"\x89PNG\r\n\x1a\n", "WEBP": rb"RIFF....WEBP", "GIF": rb"GIF8[79]a"}
TURNS = {  # the EXIF orientations, and what brings each upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ORIENTATION = 0x0112

# Once for the process and not around each call: `catch_warnings` is not thread-safe.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


class AvatarError(ValueError):
    """Says, in words for the person who chose the file, what is wrong with it and what to do."""


def process(data: bytes) -> dict[int, bytes]:
    """The WebP pictures, by side in pixels, of an uploaded JPEG, PNG, WebP or GIF (its first frame); AvatarError for all else."""
    _check_size(len(data))
    kind = _kind(data)
    if kind == "WEBP":
        _check_dimensions(*_webp_dimensions(data))  # Pillow allocates the canvas of a WebP as it opens it
    try:
        with Image.open(BytesIO(data), formats=[kind]) as image:
            _check_dimensions(*image.size)
            _check_frames(image, data)
            return pictures(_square(image))
    except AvatarError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise AvatarError(_too_large()) from None
    except Exception as error:  # decoders answer malformed files with OSError, SyntaxError, struct.error, zlib.error, IndexError…
        raise AvatarError(DAMAGED) from error


def pictures(image: Image.Image) -> dict[int, bytes]:
    """A square RGB picture as WebP at every size, without metadata."""
    return {size: _webp(image, size) for size in SIZES}


def digest(pictures: Mapping[int, bytes]) -> str:
    """32 hex digits that name these pictures: other content, other digest, so their URLs never change content."""
    content = hashlib.blake2b(digest_size=16)
    for size in SIZES:
        content.update(struct.pack(">II", size, len(pictures[size])))
        content.update(pictures[size])
    return content.hexdigest()


def store(pictures: Mapping[int, bytes], folder: Path) -> str:
    """Write the pictures below ``folder`` and return their digest. All or nothing: OSError (a full disk…) leaves no file behind."""
    name = digest(pictures)
    missing = {path(folder, name, size): pictures[size] for size in SIZES if not _is_stored(path(folder, name, size), pictures[size])}
    if missing:
        (folder / name[:2]).mkdir(parents=True, exist_ok=True)
        _write_all(missing)
    return name


def path(folder: Path, digest: str, size: int) -> Path:
    """Where a stored picture lies; ValueError unless both parts are ours, so that a URL can never name another file."""
    if not re.fullmatch(r"[0-9a-f]{32}", digest, re.ASCII) or size not in SIZES:
        raise ValueError("no such picture")
    return folder / digest[:2] / f"{digest}-{size}.webp"


def _check_size(size: int) -> None:
    if size == 0:
        raise AvatarError("That file is empty: choose another picture.")
    if size > MAX_BYTES:
        raise AvatarError(f"That file has {size / 1024**2:.1f} MB: choose a picture of at most {MAX_BYTES // 1024**2} MB.")


def _kind(data: bytes) -> str:
    for kind, magic in MAGIC.items():
        if re.match(magic, data, re.DOTALL):
            return kind
    start = data[:1024].lstrip(b"\xef\xbb\xbf\0\t\n\r ").lower()
    if b"<svg" in start:
        raise AvatarError("SVG drawings cannot be used here: save it as a PNG, or choose a JPEG, PNG, WebP or GIF.")
    if start.startswith(b"<"):
        raise AvatarError("That file is a web page, not a picture: choose a JPEG, PNG, WebP or GIF.")
    if data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"hevc", b"avif"):
        raise AvatarError("HEIC and AVIF pictures cannot be used here: save it as a JPEG, or choose another.")
    raise AvatarError(UNKNOWN)


def _webp_dimensions(data: bytes) -> tuple[int, int]:
    """Width and height by the file's first chunk (RFC 9649)."""
    head = data[12:30].ljust(18, b"\0")
    if head.startswith(b"VP8X"):
        return 1 + int.from_bytes(head[12:15], "little"), 1 + int.from_bytes(head[15:18], "little")
    if head.startswith(b"VP8L"):
        bits = int.from_bytes(head[9:13], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if head.startswith(b"VP8 "):
        return int.from_bytes(head[14:16], "little") & 0x3FFF, int.from_bytes(head[16:18], "little") & 0x3FFF
    raise AvatarError(DAMAGED)


def _check_dimensions(width: int, height: int) -> None:
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise AvatarError(_too_large(f" ({width:,} × {height:,} pixels)"))
    if min(width, height) < MIN_SIDE:
        raise AvatarError(f"That picture is too small ({width} × {height} pixels): choose one of at least {MIN_SIDE} × {MIN_SIDE}.")


def _too_large(dimensions: str = "") -> str:
    return f"That picture is too large{dimensions}: choose one of at most {MAX_PIXELS // 10**6} megapixels and {MAX_SIDE:,} pixels a side."


def _check_frames(image: Image.Image, data: bytes) -> None:
    # Pillow counts a GIF's frames by walking through them in Python, for long in a file made to hurt; its control blocks tell as much.
    frames = data.count(b"\x21\xf9\x04") if image.format == "GIF" else getattr(image, "n_frames", 1)
    if frames > MAX_FRAMES:
        raise AvatarError(f"That animation has more than {MAX_FRAMES:,} pictures: choose a shorter one, or a single picture.")


def _square(image: Image.Image) -> Image.Image:
    """The middle of the picture, upright, in sRGB on white, at twice the largest size or less."""
    image.draft(None, (2 * SIZES[-1], 2 * SIZES[-1]))  # JPEG can decode at 1/2, 1/4, 1/8: a tenth of the time and memory
    image.load()  # reads to the end: a truncated file fails here
    profile, orientation = image.info.get("icc_profile"), _orientation(image)
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    small = min(side, 2 * SIZES[-1])
    square = _plain(image).resize((small, small), Image.Resampling.LANCZOS, box=(left, top, left + side, top + side), reducing_gap=3.0)
    if orientation in TURNS:  # after the crop, which is in the middle either way: turning is then a matter of a small picture
        square = square.transpose(TURNS[orientation])
    return _on_white(_in_srgb(square, profile))


def _orientation(image: Image.Image) -> int:
    with suppress(Exception):  # a good picture with broken EXIF is a good picture
        return image.getexif().get(ORIENTATION, 1)
    return 1


def _plain(image: Image.Image) -> Image.Image:
    """The picture in a mode that can be resized: RGB, RGBA, or CMYK for its profile."""
    if image.mode.startswith("I"):
        # 16-bit greys; a plain convert would clip all but the darkest to white
        return image.convert("I").point(lambda value: value * (1 / 257)).convert("L").convert("RGB")
    if image.mode in ("RGB", "RGBA", "CMYK"):
        return image
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Colours as their profile means them, since the profile itself goes: a phone's pictures would turn pale without it."""
    if profile and image.mode in ("RGB", "CMYK"):
        with suppress(Exception):  # a broken or unfitting profile: take the numbers as they are
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            return converted or image
    return image


def _on_white(image: Image.Image) -> Image.Image:
    """A new picture, and so one without the old one's metadata."""
    plain = Image.new("RGB", image.size, "white")
    if image.mode == "RGBA":
        plain.paste(image, mask=image)
    else:
        plain.paste(image.convert("RGB"))
    return plain


def _webp(image: Image.Image, size: int) -> bytes:
    out = BytesIO()
    image.resize((size, size), Image.Resampling.LANCZOS).save(out, "WEBP", quality=84, method=4, exif=b"", icc_profile=b"", xmp=b"")
    return out.getvalue()


def _is_stored(target: Path, content: bytes) -> bool:
    try:
        return target.stat().st_size == len(content)
    except FileNotFoundError:
        return False


def _write_all(files: Mapping[Path, bytes]) -> None:
    """Write every file under another name first; nothing gets its own name before all are complete on the disk."""
    drafts = {target: target.with_name(f".{target.name}.{secrets.token_hex(8)}") for target in files}
    try:
        for target, draft in drafts.items():
            with draft.open("xb") as file:
                file.write(files[target])
                file.flush()
                os.fsync(file.fileno())  # an empty file after a power cut would stay: its name says that it is right
        for target, draft in drafts.items():
            os.replace(draft, target)
    except BaseException:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
        raise
