"""Keeps which cards were shown and what became of them, with the rules they rest on and nothing of the patient.

SQLite in a file by default, PostgreSQL by URL. What was acknowledged is on disk.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import as_file, files
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    DateTime,
    Dialect,
    ForeignKey,
    MetaData,
    Select,
    String,
    Table,
    TypeDecorator,
    create_engine,
    delete,
    event,
    insert,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from plugin.cards import EXTENSION
from plugin.feedback import Outcome
from plugin.fhir import Json

WAIT = 5  # seconds that a writer waits for another one


class Unstored(RuntimeError):
    """The store could not be opened, read or written. The message names no value that was to be kept."""


class Moment(TypeDecorator[datetime]):
    """A moment in UTC, also in a database that knows no zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if isinstance(value, datetime):
            return value if value.tzinfo else value.replace(tzinfo=UTC)
        return None


metadata = MetaData()

CARDS = Table(
    "cards",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("shown_at", Moment, nullable=False, index=True),
    Column("client", String(255), nullable=False),
    Column("hook", String(64), nullable=False),
    Column("label", String(32), nullable=False),
    Column("topic", String(32), nullable=False),
    Column("indicator", String(16), nullable=False),
    Column("shadow", Boolean, nullable=False),  # worked out, and not shown
)
RULES = Table(
    "card_rules",
    metadata,
    Column("card", ForeignKey("cards.id", ondelete="CASCADE"), primary_key=True),
    Column("rule", String(64), primary_key=True),
    Column("indicator", String(16), nullable=False),
)
OUTCOMES = Table(
    "outcomes",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("received_at", Moment, nullable=False, index=True),
    Column("client", String(255), nullable=False),
    Column("service", String(64), nullable=False),
    Column(
        "card", String(255), nullable=False, index=True
    ),  # of any card, also of one that is not known here
    Column("outcome", String(16), nullable=False),
    Column("at", Moment, nullable=False),
    Column("suggestions", JSON, nullable=False),
    Column("reason_system", String(255), nullable=False),
    Column("reason_code", String(255), nullable=False),
    Column("commented", Boolean, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Answered:
    """A card that was shown and what became of it last; `outcome` is "" where nobody said."""

    card: str
    rules: tuple[str, ...]
    label: str
    shadow: bool
    outcome: str = ""
    reason: tuple[str, str] = ("", "")


class Store:
    """The store behind one SQLAlchemy URL, brought up to date when it is opened. Raises Unstored."""

    def __init__(self, url: str) -> None:
        try:
            memory = url in ("sqlite://", "sqlite:///:memory:")
            extra: dict[str, Any] = {"poolclass": StaticPool} if memory else {"pool_pre_ping": True}
            self.engine = create_engine(url, **extra)
        except (ArgumentError, ImportError) as error:
            raise Unstored(f"The store cannot be opened: {type(error).__name__}.") from None
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _as_we_need_it)
        self._migrate()
        # A worker that is forked from here must not share the sockets of its parent.
        os.register_at_fork(after_in_child=lambda: None if memory else self.engine.dispose(close=False))

    def _migrate(self) -> None:
        with as_file(files("plugin") / "migrations") as folder, self._begun() as connection:
            if self.engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")  # of several that start at once, one does it
            config = Config()
            config.set_main_option("script_location", str(folder).replace("%", "%%"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    @contextmanager
    def _begun(self, durable: bool = True) -> Iterator[Connection]:
        """A transaction. What is not `durable` outlives the process once committed, but not a loss of power."""
        try:
            with self.engine.begin() as connection:
                if self.engine.dialect.name == "sqlite":
                    connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
                yield connection
        except SQLAlchemyError as error:
            raise Unstored(f"The store failed: {type(error).__name__}.") from None

    def show(
        self, cards: Iterable[Json], *, at: datetime, client: str, hook: str, shadow: bool = False
    ) -> None:
        """Keep that these cards were given to this client, or in shadow mode that they would have been."""
        shown = [_card(card, at, client, hook, shadow) for card in cards]
        rules = [
            {"card": card["uuid"], "rule": found["rule"], "indicator": found["indicator"]}
            for card in cards
            for found in card["extension"][EXTENSION].get("findings", ())
        ]
        if not shown:
            return
        with self._begun(durable=False) as connection:
            connection.execute(insert(CARDS), shown)
            if rules:
                connection.execute(insert(RULES), rules)

    def keep(self, outcomes: Iterable[Outcome], *, at: datetime, client: str, service: str) -> None:
        """Keep what became of cards, once each, however often it is sent. On disk when this returns."""
        rows = [_outcome(o.digest(client), o, at, client, service) for o in outcomes]
        put = postgresql.insert if self.engine.dialect.name == "postgresql" else sqlite.insert
        with self._begun() as connection:
            connection.execute(put(OUTCOMES).on_conflict_do_nothing(), rows)

    def answered(self, since: datetime | None = None) -> tuple[Answered, ...]:
        """Every card that was shown since a moment, with its rules and what became of it last."""
        cards: Select[Any] = select(CARDS.c.id, CARDS.c.label, CARDS.c.shadow)
        if since:
            cards = cards.where(CARDS.c.shown_at >= since)
        with self._begun() as connection:
            rules: dict[str, list[str]] = {}
            for card, rule in connection.execute(select(RULES.c.card, RULES.c.rule).order_by(RULES.c.rule)):
                rules.setdefault(card, []).append(rule)
            last = {
                row.card: row
                for row in connection.execute(
                    select(OUTCOMES).order_by(OUTCOMES.c.at, OUTCOMES.c.received_at)
                )
            }
            return tuple(
                _answered(row, rules.get(row.id, ()), last.get(row.id)) for row in connection.execute(cards)
            )

    def strangers(self) -> int:
        """How many outcomes are of cards that this store does not know."""
        known = select(CARDS.c.id)
        with self._begun() as connection:
            return len(
                connection.execute(select(OUTCOMES.c.digest).where(OUTCOMES.c.card.not_in(known))).all()
            )

    def forget(self, before: datetime) -> tuple[int, int]:
        """Delete what was shown and what was said before a moment; the numbers of cards and of outcomes."""
        with self._begun() as connection:
            said = connection.execute(delete(OUTCOMES).where(OUTCOMES.c.received_at < before)).rowcount
            shown = connection.execute(delete(CARDS).where(CARDS.c.shown_at < before)).rowcount
        return shown, said


def _as_we_need_it(connection: Any, _: object) -> None:
    """SQLite with many readers beside a writer, and foreign keys that mean something."""
    for pragma in ("journal_mode=WAL", f"busy_timeout={WAIT * 1000}", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _card(card: Json, at: datetime, client: str, hook: str, shadow: bool) -> Json:
    return {
        "id": card["uuid"],
        "shown_at": at,
        "client": client,
        "hook": hook,
        "label": card["extension"][EXTENSION]["label"],
        "topic": card["source"]["topic"]["code"],
        "indicator": card["indicator"],
        "shadow": shadow,
    }


def _outcome(digest: str, outcome: Outcome, at: datetime, client: str, service: str) -> Json:
    system, code = outcome.reason
    return {
        "digest": digest,
        "received_at": at,
        "client": client,
        "service": service,
        "card": outcome.card,
        "outcome": outcome.kind,
        "at": outcome.at,
        "suggestions": list(outcome.suggestions),
        "reason_system": system,
        "reason_code": code,
        "commented": outcome.commented,
    }


def _answered(row: Any, rules: Sequence[str], last: Any) -> Answered:
    if last is None:
        return Answered(row.id, tuple(rules), row.label, row.shadow)
    reason = (last.reason_system, last.reason_code)
    return Answered(row.id, tuple(rules), row.label, row.shadow, last.outcome, reason)
