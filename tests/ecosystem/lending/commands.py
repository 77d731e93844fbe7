"""Commands of the application, and of one of its blueprints."""

import click
from flask import current_app
from flask.cli import AppGroup, with_appcontext

from . import books
from .extensions import db
from .models import Book, User

users = AppGroup("users", help="Members.")


@users.command("add")
@click.argument("name")
@click.option("--admin/--no-admin", default=False)
@click.password_option()
def add_user(name, admin, password):
    """Add a member."""
    user = User(name=name, is_admin=admin)
    user.set_password(password)
    db.session.add(user)
    db.session.commit()
    click.echo(f"{name} is number {user.id}")


@users.command("list")
def list_users():
    for user in db.session.scalars(db.select(User)):
        click.echo(f"{user.id} {user.name} {user.is_admin}")


@books.bp.cli.command("import")
@click.argument("file", type=click.File(encoding="utf-8"))
def import_books(file):
    """Take over books, one title in a line."""
    db.session.add_all(Book(title=line) for line in file)
    db.session.commit()
    click.echo(f"{db.session.scalar(db.select(db.func.count()).select_from(Book))} books")


@click.command("where")
@with_appcontext
def where():
    """Say where the application keeps its data."""
    click.echo(f"{current_app.name}: {current_app.config['SQLALCHEMY_DATABASE_URI']}")


def add_to(app):
    app.cli.add_command(users)
    app.cli.add_command(where)

    @app.cli.command("bare", with_appcontext=False)
    def bare():
        """Run with what the group around it has entered."""
        click.echo(f"context: {bool(current_app)}")
