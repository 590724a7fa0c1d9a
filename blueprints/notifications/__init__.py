"""What happened to a member and around them: the list, the badge, browser notifications, the e-mail digest."""

from flask import Flask

from blueprints.accounts.models import circles, left, returned
from blueprints.matches.models import saved
from blueprints.messages.models import message_sent, messages_read
from blueprints.profiles.blocks import blocked
from blueprints.profiles.models import profile_changed
from blueprints.requests.models import answered


def init_app(app: Flask) -> None:
    from blueprints.notifications import activity, activity_routes, subjects, unsubscribing
    from blueprints.notifications.cli import cli
    from blueprints.notifications.lookout import Lookout, note_change, note_saved
    from blueprints.notifications.occasions import come_and_go, follow_request, forget_messages, part, tell_of_message, told_of
    from blueprints.notifications.routes import bp

    assert subjects  # imported so that they register
    app.extensions["notifications"] = Lookout(app)
    app.extensions["live"].background.append(app.extensions["notifications"].keep_looking)
    answered.connect(follow_request)
    message_sent.connect(tell_of_message)
    messages_read.connect(forget_messages)
    profile_changed.connect(note_change)
    saved.connect(note_saved)
    blocked.connect(part)
    circles.add(told_of)
    left.connect(come_and_go)
    returned.connect(come_and_go)
    profile_changed.connect(activity.profile_did)
    answered.connect(activity.pair_did)
    app.register_blueprint(bp)
    app.register_blueprint(activity_routes.bp)
    app.register_blueprint(unsubscribing.bp)
    app.cli.add_command(cli)
