"""Static files under a version made from their content: cached for ever, and a new version is a new address, relative imports included."""

import hashlib
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, send_from_directory

YEAR_SECONDS = 365 * 24 * 3600


def version_of(folder: Path) -> str:
    """A digest of every file's name and content below ``folder``: 12 hexadecimal digits."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def asset_version() -> str:
    app = current_app
    if app.config["DEVELOPMENT"] or "ASSET_VERSION" not in app.config:
        app.config["ASSET_VERSION"] = version_of(app.config["STATIC_PATH"])
    return app.config["ASSET_VERSION"]


def serve(version: str, filename: str) -> Response:
    response = send_from_directory(current_app.config["STATIC_PATH"], filename)
    if version == asset_version():
        response.headers["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable"
    else:  # a page from before a deploy: right enough for it, not to be kept
        response.headers["Cache-Control"] = "no-cache"
    return response


def init_app(app: Flask) -> None:
    app.add_url_rule("/static/<version>/<path:filename>", "static", serve)

    @app.url_defaults
    def add_version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static":
            values.setdefault("version", asset_version())
