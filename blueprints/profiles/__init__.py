"""What members say about themselves: the editor, the page others see, completion, cities, avatars."""

from flask import Flask


def init_app(app: Flask) -> None:
    pass
