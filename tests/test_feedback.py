"""What became of cards: reading it, keeping it in a real SQLite and a real PostgreSQL, and reporting it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from flask.testing import FlaskClient

from plugin import outcomes
from plugin.__main__ import main
from plugin.app import create_app
from plugin.config import Settings
from plugin.feedback import MOST, Outcome, parse
from plugin.record import Malformed
from plugin.store import Store, Unstored
from tests import postgres
from tests.signing import URL, bearer, registry

Golden = Callable[[str], Any]
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
CARD = "9dff5a71-cf27-4410-8ac9-1cf58facf021"
OTHER = "0b0fa1b4-0ce1-4ed1-a5d8-5c3a0aee9cbf"


def item(**changes: Any) -> dict[str, Any]:
    """An override of the standard's form, changed; None leaves a field out."""
    said = {
        "card": CARD,
        "outcome": "overridden",
        "outcomeTimestamp": "2026-03-02T08:59:58Z",
        "overrideReason": {
            "reason": {"system": "http://example.org/reasons", "code": "action-completed", "display": "Done"}
        },
    }
    return {name: value for name, value in (said | changes).items() if value is not None}


def body(*items: Any) -> bytes:
    return json.dumps({"feedback": list(items or [item()])}).encode()


# --- reading -------------------------------------------------------------------------------------------------


def test_the_standards_form() -> None:
    (found,) = parse(body())
    assert found == Outcome(
        card=CARD,
        kind="overridden",
        at=datetime(2026, 3, 2, 8, 59, 58, tzinfo=UTC),
        reason=("http://example.org/reasons", "action-completed"),
    )


def test_what_was_accepted() -> None:
    (found,) = parse(body(item(outcome="accepted", acceptedSuggestions=[{"id": "a"}, {"id": "b"}])))
    assert (found.kind, found.suggestions, found.reason) == ("accepted", ("a", "b"), ("", ""))


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        ({"reason": {"code": "x", "system": "s"}, "userComment": "words"}, ("s", "x")),
        (
            [{"extension": {"com.example.reason": {}}}, {"reason": {"code": "x"}, "userComment": "w"}],
            ("", "x"),
        ),
        ({"extension": {"com.example.reason": {"code": "x"}}, "userComment": "words"}, ("", "")),
        ({"reason": "words", "userComment": "words"}, ("", "")),
        ({"reason": {"code": "x" * 256, "system": "s"}, "userComment": "words"}, ("", "")),
    ],
)
def test_the_plural_that_one_ehr_writes(reasons: Any, expected: tuple[str, str]) -> None:
    (found,) = parse(body(item(overrideReason=None, overrideReasons=reasons)))
    assert found.reason == expected
    assert found.commented


def test_no_word_of_a_comment_is_kept() -> None:
    (found,) = parse(body(item(overrideReason={"userComment": "Ms Jane Example prefers it"})))
    assert found.commented
    assert "Jane" not in repr(found)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-03-02T09:00:00.123456789Z", datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)),
        ("2026-03-02T10:00:00+01:00", NOW),
        ("2026-03-02T09:00:00", NOW),
        ("2026-03-02t09:00z", NOW),
    ],
)
def test_times(written: str, moment: datetime) -> None:
    (found,) = parse(body(item(outcomeTimestamp=written)))
    assert found.at == moment


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        (b"[]", ""),
        (b"{}", "feedback"),
        (b'{"feedback": {}}', "feedback"),
        (b'{"feedback": []}', "feedback"),
        (body("x"), "feedback[0]"),
        (body(item(), item(card=None)), "feedback[1].card"),
        (body(item(card="")), "feedback[0].card"),
        (body(item(card="x" * 256)), "feedback[0].card"),
        (body(item(card="a\nb")), "feedback[0].card"),
        (body(item(outcome="ignored")), "feedback[0].outcome"),
        (body(item(outcome=["accepted"])), "feedback[0].outcome"),
        (body(item(outcomeTimestamp=None)), "feedback[0].outcomeTimestamp"),
        (body(item(outcomeTimestamp="2026-02-30T09:00:00Z")), "feedback[0].outcomeTimestamp"),
        (body(item(outcomeTimestamp="yesterday")), "feedback[0].outcomeTimestamp"),
        (body(item(outcomeTimestamp="0001-01-01T00:00:00+05:00")), "feedback[0].outcomeTimestamp"),
        (body(item(overrideReason="words")), "feedback[0].overrideReason"),
        (body(item(outcome="accepted")), "feedback[0].acceptedSuggestions"),
        (body(item(outcome="accepted", acceptedSuggestions=[])), "feedback[0].acceptedSuggestions"),
        (body(item(outcome="accepted", acceptedSuggestions=["a"])), "feedback[0].acceptedSuggestions[0]"),
        (body(item(outcome="accepted", acceptedSuggestions=[{}])), "feedback[0].acceptedSuggestions[0].id"),
        (body(*[item()] * (MOST + 1)), "feedback"),
    ],
)
def test_what_cannot_be_read_names_its_field(sent: bytes, field: str) -> None:
    with pytest.raises(Malformed) as error:
        parse(sent)
    assert error.value.field == field


# --- keeping -------------------------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", "memory", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "postgresql":
        with postgres.database() as url:
            opened = Store(url)
            yield opened
            opened.engine.dispose()
    else:
        yield Store("sqlite://" if request.param == "memory" else f"sqlite:///{tmp_path}/kept.db")


def card(uuid: str = CARD, *rules: str) -> dict[str, Any]:
    findings = [{"rule": rule, "indicator": "critical"} for rule in rules]
    return {
        "uuid": uuid,
        "indicator": "critical",
        "source": {"topic": {"code": "liver"}},
        "extension": {"org.example.inotuzumab-cds": {"label": "us-2024-03", "findings": findings}},
    }


def test_what_is_kept_comes_back_with_its_rules(store: Store) -> None:
    store.show([card(CARD, "hep-hold", "vod-ongoing"), card(OTHER)], at=NOW, client="ehr", hook="order-sign")
    store.keep(parse(body()), at=NOW, client="ehr", service="inotuzumab-order-sign")
    found = {a.card: a for a in store.answered()}
    assert found[CARD].rules == ("hep-hold", "vod-ongoing")
    assert (found[CARD].outcome, found[CARD].reason[1]) == ("overridden", "action-completed")
    assert (found[OTHER].rules, found[OTHER].outcome) == ((), "")
    assert store.strangers() == 0


def test_the_same_outcome_counts_once_and_the_last_one_wins(store: Store) -> None:
    store.show([card(CARD, "hep-hold")], at=NOW, client="ehr", hook="order-sign")
    later = item(
        outcome="accepted", acceptedSuggestions=[{"id": "s"}], outcomeTimestamp="2026-03-02T09:30:00Z"
    )
    for sent in (body(), body(item(), item()), body(later), body()):
        store.keep(parse(sent), at=NOW, client="ehr", service="inotuzumab-order-sign")
    (found,) = store.answered()
    assert found.outcome == "accepted"
    store.keep(parse(body(item(card="123456"))), at=NOW, client="ehr", service="inotuzumab-order-sign")
    assert store.strangers() == 1


def test_no_card_is_nothing_to_keep(store: Store) -> None:
    store.show([], at=NOW, client="ehr", hook="order-sign")
    assert store.answered() == ()


def test_forgetting(store: Store) -> None:
    store.show([card(CARD, "hep-hold")], at=NOW - timedelta(days=400), client="ehr", hook="order-sign")
    store.show([card(OTHER, "hep-hold")], at=NOW, client="ehr", hook="order-sign")
    store.keep(parse(body()), at=NOW - timedelta(days=400), client="ehr", service="inotuzumab-order-sign")
    assert store.forget(NOW - timedelta(days=365)) == (1, 1)
    assert [a.card for a in store.answered()] == [OTHER]
    assert [a.card for a in store.answered(NOW + timedelta(days=1))] == []


def test_the_store_is_as_its_steps_leave_it(store: Store) -> None:
    """What the migrations make is what the tables say, column by column."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from plugin.store import metadata

    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_what_is_no_store_is_said(tmp_path: Path) -> None:
    for url in ("nonsense", "mysql+nothing://x", f"sqlite:///{tmp_path}/no/such/folder/kept.db"):
        with pytest.raises(Unstored) as error:
            Store(url)
        assert str(tmp_path) not in str(error.value)


def test_several_may_open_a_new_store_at_once(tmp_path: Path) -> None:
    program = f"from plugin.store import Store; Store('sqlite:///{tmp_path}/kept.db')"
    started = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(4)]
    assert [process.wait(timeout=60) for process in started] == [0] * 4


def test_nothing_acknowledged_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    """A process keeps an outcome, says so, and kills itself at once."""
    url = f"sqlite:///{tmp_path}/kept.db"
    Store(url)
    program = (
        "import os, sys; from datetime import UTC, datetime; from plugin.store import Store; "
        "from plugin.feedback import parse; "
        f"Store({url!r}).keep(parse(sys.stdin.buffer.read()), at=datetime.now(UTC), client='e', service='s'); "
        f"os.kill(os.getpid(), {int(signal.SIGKILL)})"
    )
    for n in range(5):
        done = subprocess.run(
            [sys.executable, "-c", program], input=body(item(card=f"card-{n}")), check=False, env=os.environ
        )
        assert done.returncode == -signal.SIGKILL
    assert Store(url).strangers() == 5


# --- over HTTP -----------------------------------------------------------------------------------------------

SIGN = "/cds-services/inotuzumab-order-sign"


@pytest.fixture
def kept(tmp_path: Path) -> tuple[FlaskClient, Store]:
    url = f"sqlite:///{tmp_path}/kept.db"
    return create_app(Settings(development=True, store=url)).test_client(), Store(url)


def test_a_card_that_was_shown_and_what_became_of_it(kept: tuple[FlaskClient, Store], golden: Golden) -> None:
    client, store = kept
    (first, *_) = client.post(SIGN, json=golden("raised-bilirubin")).get_json()["cards"]
    response = client.post(f"{SIGN}/feedback", data=body(item(card=first["uuid"])))
    assert (response.status_code, response.data) == (200, b"")
    found = {a.card: a for a in store.answered()}[first["uuid"]]
    assert "hep-hold" in found.rules
    assert (found.label, found.outcome) == ("us-2024-03", "overridden")


def test_nothing_of_the_patient_is_in_the_store(
    kept: tuple[FlaskClient, Store], golden: Golden, tmp_path: Path
) -> None:
    client, _ = kept
    asked = golden("raised-bilirubin")
    (first, *_) = client.post(SIGN, json=asked).get_json()["cards"]
    comment = item(card=first["uuid"], overrideReason={"userComment": "told by Jane Example"})
    client.post(f"{SIGN}/feedback", data=body(comment))
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert first["uuid"].encode() in written
    for secret in (asked["context"]["patientId"], asked["context"]["userId"], asked["hookInstance"], "Jane"):
        assert secret.encode() not in written


def test_bad_feedback_is_refused_whole(kept: tuple[FlaskClient, Store]) -> None:
    client, store = kept
    response = client.post(f"{SIGN}/feedback", data=body(item(), item(outcome="ignored")))
    assert response.status_code == 400
    assert response.get_json()["issue"][0]["expression"] == ["feedback[1].outcome"]
    assert store.strangers() == 0
    assert client.get(f"{SIGN}/feedback").status_code == 405
    assert client.post("/cds-services/other/feedback", data=body()).status_code == 404


def test_feedback_needs_credentials_like_any_call(tmp_path: Path) -> None:
    settings = Settings(store=f"sqlite:///{tmp_path}/kept.db", clients=registry(tmp_path), url=URL)
    path, closed = f"{SIGN}/feedback", create_app(settings).test_client()
    assert closed.post(path, data=body()).status_code == 401
    assert closed.post(path, data=body(), headers=bearer(SIGN)).status_code == 401
    assert closed.post(path, data=body(), headers=bearer(path)).status_code == 200


def test_without_a_store_there_is_no_such_address(client: FlaskClient) -> None:
    assert client.post(f"{SIGN}/feedback", data=body()).status_code == 404


def test_a_broken_store_shows_the_cards_and_takes_no_feedback(
    kept: tuple[FlaskClient, Store], golden: Golden
) -> None:
    client, store = kept
    with store.engine.begin() as connection:
        for table in ("card_rules", "cards", "outcomes"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
    assert client.post(SIGN, json=golden("raised-bilirubin")).get_json()["cards"]
    response = client.post(f"{SIGN}/feedback", data=body())
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert response.get_json()["issue"][0]["code"] == "transient"


def test_what_a_running_service_acknowledged_outlives_it(tmp_path: Path, golden: Golden) -> None:
    """The whole service, all its processes, is killed the moment it has answered."""
    url = f"sqlite:///{tmp_path}/kept.db"
    cards = []
    command = [sys.executable, "-m", "plugin", "serve", "--port", "0", "--development"]
    for n in range(3):
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PLUGIN_STORE": url},
            start_new_session=True,
        ) as service:
            assert service.stdout
            address = next(
                found.group() for line in service.stdout if (found := re.search(r"http://\S+", line))
            )
            sent = requests.post(
                f"{address}/inotuzumab-order-sign", json=golden("raised-bilirubin"), timeout=30
            )
            cards.append(sent.json()["cards"][0]["uuid"])
            outcome = body(item(card=cards[n]))
            answer = requests.post(f"{address}/inotuzumab-order-sign/feedback", data=outcome, timeout=30)
            os.killpg(service.pid, signal.SIGKILL)
            assert answer.status_code == 200
    assert [a.outcome for a in Store(url).answered() if a.card in cards] == ["overridden"] * 3


# --- reporting -----------------------------------------------------------------------------------------------


def test_the_interval_is_wilsons() -> None:
    """Published example: 15 of 148 (Newcombe 1998, Stat Med 17:857) is 0.0624 to 0.1605."""
    assert [round(each, 4) for each in outcomes.wilson(15, 148)] == [0.0624, 0.1605]
    assert [round(each, 4) for each in outcomes.wilson(0, 20)] == [0.0, 0.1611]
    assert [round(each, 4) for each in outcomes.wilson(20, 20)] == [0.8389, 1.0]


def test_the_report(store: Store) -> None:
    assert list(outcomes.shown(outcomes.tallies(store.answered()), 0)) == ["No card was shown."]
    store.show([card(CARD, "hep-hold", "vod-ongoing")], at=NOW, client="ehr", hook="order-sign")
    store.show([card(OTHER, "hep-hold")], at=NOW, client="ehr", hook="order-sign", shadow=True)
    store.keep(parse(body(item(), item(card="unknown"))), at=NOW, client="ehr", service="s")
    lines = list(outcomes.shown(outcomes.tallies(store.answered()), store.strangers()))
    assert lines[1].split()[:4] == ["hep-hold", "us-2024-03", "1", "0"]
    assert lines[1].endswith("1 (100%, 21% to 100%)       1  action-completed 1")
    assert lines[2].split()[0] == "vod-ongoing"
    assert lines[-1] == "Outcomes of cards that are not in this store: 1."


def test_the_command_line(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/kept.db"
    Store(url).show([card(CARD, "hep-hold")], at=NOW, client="ehr", hook="order-sign")

    def typed(*arguments: str) -> str:
        return CliRunner().invoke(main, ["feedback", *arguments]).output

    assert "hep-hold" in typed("report", "--store", url)
    assert "hep-hold" not in typed("report", "--store", url, "--since", "2026-03-03")
    assert "1 cards and 0 outcomes" in typed("forget", "--store", url, "--before", "2026-03-03")
    assert "No card was shown" in typed("report", "--store", url)
    assert "The store cannot be opened" in typed("report", "--store", "nonsense")
    assert "The store failed" in typed(
        "forget", "--store", f"sqlite:///{tmp_path}/no/kept.db", "--before", "2026-01-01"
    )
