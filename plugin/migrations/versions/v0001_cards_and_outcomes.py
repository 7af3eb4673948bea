"""Cards that were shown, the rules that they rest on, and what became of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "cards",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("shown_at", sa.DateTime(timezone=True), nullable=False, index=True),
        sa.Column("client", sa.String(255), nullable=False),
        sa.Column("hook", sa.String(64), nullable=False),
        sa.Column("label", sa.String(32), nullable=False),
        sa.Column("topic", sa.String(32), nullable=False),
        sa.Column("indicator", sa.String(16), nullable=False),
        sa.Column("shadow", sa.Boolean, nullable=False),
    )
    op.create_table(
        "card_rules",
        sa.Column("card", sa.String(36), sa.ForeignKey("cards.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("rule", sa.String(64), primary_key=True),
        sa.Column("indicator", sa.String(16), nullable=False),
    )
    op.create_table(
        "outcomes",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False, index=True),
        sa.Column("client", sa.String(255), nullable=False),
        sa.Column("service", sa.String(64), nullable=False),
        sa.Column("card", sa.String(255), nullable=False, index=True),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("suggestions", sa.JSON, nullable=False),
        sa.Column("reason_system", sa.String(255), nullable=False),
        sa.Column("reason_code", sa.String(255), nullable=False),
        sa.Column("commented", sa.Boolean, nullable=False),
    )
