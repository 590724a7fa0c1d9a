"""How a command says no."""

import click


class Refusal(click.ClickException):
    """One clear line and exit status 1."""

    def show(self, file: object = None) -> None:
        click.echo(f"duet: {self.message}", err=True)
