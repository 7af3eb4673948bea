"""What all tests share: a service, a running one, the golden requests; and an honest list of what was left out."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

if TYPE_CHECKING:  # a test of one room does not load the whole house
    from flask import Flask
    from flask.testing import FlaskClient

GOLDEN = Path(__file__).parent / "golden"
Json = dict[str, Any]

# Programs that the lock files install (node) are found without an activated environment.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.prefix) / "bin"), os.environ.get("PATH", "")])
os.environ["NO_PROXY"] = "127.0.0.1"  # and no proxy stands between a test and the service it started

hypothesis.settings.register_profile("test", max_examples=200, deadline=None)
hypothesis.settings.register_profile("laws", max_examples=10_000, deadline=None)
hypothesis.settings.load_profile("test")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--approve", action="store_true", help="record the golden responses anew")
    parser.addoption(
        "--every-ehr-case", action="store_true", help="every worked case against the real FHIR server: slow"
    )
    parser.addoption("--faults", type=int, default=60, help="requests of the fault run")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Takes the tracer of coverage off a test that is marked so; the mark of pytest-cov does nothing in a worker."""
    tracer = sys.gettrace()
    if item.get_closest_marker("untraced"):
        sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracer)


@pytest.fixture(scope="session")
def app() -> Flask:
    """The service in development mode, in this process."""
    from plugin.app import create_app
    from plugin.config import Settings

    return create_app(Settings(development=True, store=""))


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    """The discovery URL of a service that runs under its production server."""
    from plugin.demo import service

    with service() as found:
        yield found


@pytest.fixture
def golden() -> Callable[[str], Json]:
    """The request of a golden story; a fresh one every time, to be changed at will."""

    def read(story: str = "raised-bilirubin") -> Json:
        found: Json = json.loads((GOLDEN / story / "request.json").read_bytes())
        return found

    return read


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """What the service logs, whether or not an application was made before."""
    from plugin import logs

    logs.configure()
    with caplog.at_level("INFO", "plugin"):
        yield caplog


# --- what was left out -----------------------------------------------------------------------------------


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = sorted({report.longrepr[2].removeprefix("Skipped: ") for report in skipped})
    terminalreporter.section("left out")
    terminalreporter.line("\n".join(reasons) if reasons else "nothing")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """On the build machine everything must run: a test left out there is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") == "true" and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
