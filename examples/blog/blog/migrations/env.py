"""How Alembic reaches the application's database and models."""

from __future__ import annotations

import blog.models  # noqa: F401 - what it defines is compared with the tables
from alembic import context
from blog.database import db

from erlen import current_app


def migrate() -> None:
    options = {
        "target_metadata": db.metadata,
        **current_app.extensions["migrate"].configure_args,
    }
    if context.is_offline_mode():
        url = db.engine.url.render_as_string(hide_password=False)
        context.configure(url=url, literal_binds=True, **options)
        with context.begin_transaction():
            context.run_migrations()
        return
    with db.engine.connect() as connection:
        context.configure(connection=connection, **options)
        with context.begin_transaction():
            context.run_migrations()


migrate()
