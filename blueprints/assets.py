"""Static files under a version made from their content: cached for ever, and a new version is a new address, relative imports included.

The same version, made from templates and code as well, stands in the ETag of every fragment: a deploy never revalidates old markup.
"""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, g, request, send_from_directory, url_for
from flask_login import current_user

YEAR_SECONDS = 365 * 24 * 3600


def version_of(*folders: Path) -> str:
    """A digest of every file's name and content below these folders: 12 hexadecimal digits."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"):
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def filenames() -> list[str]:
    """What pages load: everything but the licences and the service worker, which has an address of its own."""
    static = current_app.config["STATIC_PATH"]
    names = (path.relative_to(static).as_posix() for path in static.rglob("*") if path.is_file() and path.name != "LICENSE")
    return sorted(name for name in names if name != "js/sw.js")


def asset_version() -> str:
    """Of this start; in development of this request, so that a saved file shows at once."""
    app = current_app
    if app.config["DEVELOPMENT"]:
        if "asset_version" not in g:
            g.asset_version = _version_now(app)
        return g.asset_version
    if "ASSET_VERSION" not in app.config:
        app.config["ASSET_VERSION"] = _version_now(app)
    return app.config["ASSET_VERSION"]


def _version_now(app: Flask) -> str:
    return version_of(app.config["STATIC_PATH"], *(Path(app.root_path) / folder for folder in ("templates", "blueprints")))


def unchanged(*versions: object, viewer_id: int | None = None) -> Response | None:
    """304 when the browser already holds this fragment, made from these versions for this viewer; sets nothing otherwise: see ``tagged``."""
    etag = etag_of(versions, viewer_id or current_user.id)
    if request.if_none_match.contains_weak(etag):
        response = Response(status=304)
        response.set_etag(etag, weak=True)
        return response
    return None


def tagged(body: str, *versions: object) -> Response:
    """A fragment that the browser may ask for again by its versions."""
    response = Response(body, content_type="text/html; charset=utf-8")
    response.set_etag(etag_of(versions, current_user.id), weak=True)
    return response


def etag_of(versions: tuple[object, ...], viewer_id: int) -> str:
    return "-".join(map(str, (*versions, viewer_id, asset_version())))


def serve(version: str, filename: str) -> Response:
    response = send_from_directory(current_app.config["STATIC_PATH"], filename)
    if version == asset_version():
        response.headers["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable"
    else:  # a page from before a deploy: right enough for it, not to be kept
        response.headers["Cache-Control"] = "no-cache"
    return response


@lru_cache(1_000)
def _address(version: str, filename: str, prefix: str) -> str:
    return url_for("static", version=version, filename=filename)


def page_url_for(endpoint: str, **values: Any) -> str:
    """``url_for`` in templates: a page names the same dozens of assets every time, so their addresses are kept."""
    if endpoint == "static" and values.keys() == {"filename"}:
        return _address(asset_version(), values["filename"], request.script_root)
    return url_for(endpoint, **values)


def init_app(app: Flask) -> None:
    app.jinja_env.globals["url_for"] = page_url_for
    app.jinja_env.globals["asset_version"] = asset_version
    app.add_url_rule("/static/<version>/<path:filename>", "static", serve)

    @app.url_defaults
    def add_version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static":
            values.setdefault("version", asset_version())
