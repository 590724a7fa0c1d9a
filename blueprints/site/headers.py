"""Headers of every answer: what the browser may load, who may frame it, and that a private page stays private."""

import ipaddress
import socket

from flask import Flask, Response, abort, current_app, g, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import SecurityError
from werkzeug.middleware.proxy_fix import ProxyFix

from blueprints.site.errors import show

POLICY = "; ".join((  # noqa: FLY002  one directive a line reads better
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "font-src 'self'",
    "connect-src 'self'",
    "worker-src 'self'",
    "manifest-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
))

ALWAYS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()",
}
FOREIGN_HOST = ("This server does not answer to that name", "Check the address. If you run this server, allow the name with ALLOWED_HOSTS.")
ALWAYS_AND_TLS = ALWAYS | {"Strict-Transport-Security": "max-age=63072000"}  # two years


def refuse_foreign_hosts() -> ResponseReturnValue | None:
    """A name this server was not given must not reach a page: numbers, localhost, our own name and ALLOWED_HOSTS do."""
    try:
        name = (request.host.rsplit(":", 1)[0] if not request.host.endswith("]") else request.host).strip("[]").lower().rstrip(".")
    except SecurityError:  # a malformed header
        abort(400)
    allowed = {"localhost", socket.gethostname().lower(), *(host.lower() for host in current_app.config["ALLOWED_HOSTS"])}
    if name in allowed or name.endswith(".localhost") or _is_address(name):
        return None
    return show(400, FOREIGN_HOST)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def name_reader(response: Response) -> None:
    """``Duet-Account``: the member for whom a whole page was made. The service worker keeps it for them and for nobody else.

    Read from what is loaded, since this must not touch the database. Admins have none: what they look at is kept nowhere.
    """
    if request.method != "GET" or request.headers.get("HX-Request-Type") == "partial" or response.mimetype != "text/html":
        return
    loaded = vars(viewer) if (viewer := g.get("_login_user")) is not None else {}
    if loaded.get("role") in ("creator", "brand") and "id" in loaded:
        response.headers["Duet-Account"] = str(loaded["id"])


def add_headers(response: Response) -> Response:
    # added, not merged: no view sets one of these, and looking for each first would only cost time
    response.headers.extend(ALWAYS_AND_TLS if request.is_secure else ALWAYS)
    name_reader(response)
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "private, no-cache"
    if "public" not in response.headers["Cache-Control"]:
        response.vary.update(("Cookie", "HX-Request"))
    return response


def init_app(app: Flask) -> None:
    if proxies := app.config["TRUSTED_PROXIES"]:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies)  # type: ignore[method-assign]
    app.before_request_funcs.setdefault(None, []).insert(0, refuse_foreign_hosts)
    app.after_request(add_headers)
