"""Drafts"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("post") as post:
        # What is there is public already.
        column = sa.Column("draft", sa.Boolean, nullable=False, server_default=sa.false())
        post.add_column(column)
    with op.batch_alter_table("post") as post:
        post.alter_column("draft", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("post") as post:
        post.drop_column("draft")
