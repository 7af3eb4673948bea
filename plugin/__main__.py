"""The command line: `python -m plugin serve`, `advise`, `rules`, `book`, `compare`, `check`, `demo`."""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from typing import Any

import click

from plugin import __version__, checklist, demo, outcomes, sandbox, terminal
from plugin import compare as comparing
from plugin.book import book
from plugin.cards import cards
from plugin.config import BadSetting, Settings
from plugin.drugs import DRUGS
from plugin.fetch import Unobtainable
from plugin.jurisdiction import AUTO, revision
from plugin.labels import LabelError
from plugin.outgoing import Door
from plugin.record import Malformed, parse
from plugin.service import answer, load, stock
from plugin.store import Store, Unstored


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="inotuzumab-cds")
def main() -> None:
    """Checks orders for inotuzumab ozogamicin against its label."""


_label = click.option(
    "--label",
    help="us or eu for the newest label, or a full id like us-2024-03; auto: as the patient's country says.",
)
_now = click.option(
    "--now", help="The moment to judge at, as an ISO date or date-time; by default the clock."
)
_policy = click.option(
    "--policy",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A TOML file with the hospital's own policy, laid over ours.",
)
_file = click.argument("request", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@main.command()
@click.option("--host", help="Address to bind to.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to bind to; 0 takes a free one.")
@_label
@_policy
@click.option(
    "--development", is_flag=True, default=None, help="Answer without credentials, on loopback only."
)
def serve(
    host: str | None, port: int | None, label: str | None, policy: Path | None, development: bool | None
) -> None:
    """Run the service. Options win over the PLUGIN_* variables of the environment."""
    from plugin.app import create_app  # Flask and gunicorn are of no use to the other commands
    from plugin.server import Server

    settings = _settings(host=host, port=port, label=label, policy=policy, development=development)
    try:
        app = create_app(settings)
    except (LabelError, BadSetting, Unstored) as error:
        raise click.ClickException(str(error)) from None

    def ready(url: str) -> None:
        if settings.development:
            click.secho(
                "DEVELOPMENT MODE: anybody on this machine is answered. Not for patients' data.", fg="red"
            )
        click.echo(f"inotuzumab-cds {__version__} answers at {url}/cds-services")

    Server(app, settings.host, settings.port, ready).run()


@main.command()
@_file
@_label
@_policy
@_now
@click.option(
    "--as-of",
    help="Judge by the revision of the label that was effective on this ISO date; by default the newest. "
    "The moment to judge at stays that of --now.",
)
def advise(request: Path, label: str | None, policy: Path | None, now: str | None, as_of: str | None) -> None:
    """Show the cards for a CDS Hooks request, their evidence, and the road of every rule."""
    settings = _settings(label=label, policy=policy)
    screen = terminal.Screen.here()
    try:
        asked = parse(request.read_bytes())
        advice = answer(
            asked,
            stock(site=settings.policy),
            settings.label,
            _moment(now, settings.timezone),
            settings.timezone,
            as_of=_day(as_of),
        )
    except (Malformed, Unobtainable, LabelError) as error:
        raise click.ClickException(str(error)) from None
    if advice is None:
        click.echo("No card: this is no business of inotuzumab ozogamicin.")
        return
    found = cards(advice, asked.instance)
    click.echo(
        "\n".join(
            [
                terminal.show(found, screen),
                terminal.evidence(found, screen),
                terminal.road(advice.road, screen),
            ]
        )
    )


_cases = click.option(
    "--cases",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where the worked cases lie; by default tests/cases, if that is there.",
)


@main.command()
@_label
@_cases
def rules(label: str | None, cases: Path | None) -> None:
    """The checklist: every rule with its jurisdictions, level, hooks, worked cases, label row and clause.

    Of all jurisdictions, or of the one that --label names.
    """
    named = [_settings(label=label).label] if label and label != AUTO else checklist.newest(DRUGS[0])
    try:
        loaded = [load(one)[0] for one in named]
    except LabelError as error:
        raise click.ClickException(str(error)) from None
    for line in checklist.shown(checklist.checklist(loaded, DRUGS[0], _at_hand(cases))):
        click.echo(line)


@main.command("book")
@click.argument("label", required=False)
@click.option(
    "--write",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder in which to renew the book of every jurisdiction, label-us.md and so on.",
)
@_cases
def write_book(label: str | None, write: Path | None, cases: Path | None) -> None:
    """The pharmacist's book of a LABEL (us, eu or a full id) as Markdown, or with --write of all of them."""
    folder = _at_hand(cases)
    if folder is None:
        raise click.UsageError("The book shows the worked cases, and there is no tests/cases here: --cases.")
    if (label is None) == (write is None):
        raise click.UsageError("Name a LABEL, or the folder to --write all of them to.")
    known = list(checklist.worked(folder))
    try:
        for loaded in [load(name)[0] for name in ([label] if label else checklist.newest(DRUGS[0]))]:
            text = book(loaded, DRUGS[0], known)
            if write:
                (write / f"label-{loaded.jurisdiction}.md").write_text(text, "utf-8")
            else:
                click.echo(text, nl=False)
    except LabelError as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.argument("one")
@click.argument("other")
@click.argument("requests", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--cases",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where the worked cases lie; by default tests/cases. Only in a clone of the repository.",
)
@click.option("--brief", is_flag=True, help="Count the cases, do not name them.")
@_now
def compare(
    one: str, other: str, requests: tuple[Path, ...], cases: Path | None, brief: bool, now: str | None
) -> None:
    """Where two labels disagree, and by which clause: on the worked cases, or on request files.

    A worked case is judged at its own moment, a request file at --now.
    """
    if requests and cases:
        raise click.UsageError("Give request files or --cases, not both.")
    try:
        labels = stock()
        every = [label for label, _ in labels.values()]
        pair = (revision(every, one).id, revision(every, other).id)
    except LabelError as error:
        raise click.ClickException(str(error)) from None
    if pair[0] == pair[1]:
        raise click.UsageError(f"{one} and {other} are one label.")
    if requests:
        moment = _moment(now, _settings().timezone)
        asked = [comparing.Asked(str(file), file.read_bytes(), moment) for file in requests]
    else:
        asked = _worked(cases)
    for line in comparing.shown(comparing.compare(asked, labels, pair), brief):
        click.echo(line)


def _worked(folder: Path | None) -> list[comparing.Asked]:
    """The worked cases as requests. What builds them belongs to the tests, which are not installed."""
    try:
        from tests import worked
    except ImportError:
        raise click.ClickException(
            "The worked cases are at hand only in a clone of the repository; give request files instead."
        ) from None
    try:
        cases = worked.cases(folder or worked.FOLDER)
        return [comparing.Asked(str(case), case.body(), case.now) for case in cases]
    except worked.Unreadable as error:
        raise click.ClickException(str(error)) from None


@main.command()
@_policy
def check(policy: Path | None) -> None:
    """Check labels, policies and value sets, the settings of the environment, a site policy and the registry."""
    from plugin.app import trusted

    settings = _settings(policy=policy)
    problems = checklist.problems(settings.label, settings.policy)
    if settings.clients:
        try:
            trusted(settings, DRUGS[0].labels, Door(settings.fhir_ca))
        except BadSetting as error:
            problems.append(str(error))
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        raise click.ClickException(f"{len(problems)} problems")
    for line in checklist.choices(settings.policy) if settings.policy else ():
        click.echo(line)
    click.echo("Labels, policy, value sets and settings are in order.")


@main.group()
def feedback() -> None:
    """What became of the cards that were shown."""


_store = click.option("--store", help="SQLAlchemy URL of the store; by default that of PLUGIN_STORE.")


@feedback.command("report")
@_store
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Only cards shown since this day (UTC).")
def report_on(store: str | None, since: datetime | None) -> None:
    """For each rule: shown, accepted, overridden and why, with confidence intervals."""
    try:
        kept = _opened(store)
        found = outcomes.tallies(kept.answered(since.replace(tzinfo=UTC) if since else None))
        click.echo("\n".join(outcomes.shown(found, kept.strangers())))
    except Unstored as error:
        raise click.ClickException(str(error)) from None


@feedback.command()
@_store
@click.option(
    "--before", type=click.DateTime(["%Y-%m-%d"]), required=True, help="The first day (UTC) to keep."
)
def forget(store: str | None, before: datetime) -> None:
    """Delete cards and feedback from before a day."""
    try:
        shown, said = _opened(store).forget(before.replace(tzinfo=UTC))
    except Unstored as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"Forgotten: {shown} cards and {said} outcomes.")


def _opened(store: str | None) -> Store:
    url = _settings(store=store).store
    if not url:
        raise click.ClickException("PLUGIN_STORE is off: nothing is kept.")
    return Store(url)


@main.command("demo")
@_file
def show(request: Path) -> None:
    """Start a service, send it a request as if it were of today, and show the cards."""
    try:
        click.echo(demo.run(request, terminal.Screen.here(), datetime.now(UTC).date()))
    except demo.NotStarted as error:
        raise click.ClickException(str(error)) from None
    click.echo("That service has stopped. To keep one running: make serve")


@main.group("sandbox")
def made_up() -> None:
    """Made-up patients for a FHIR server of this machine, or one of PLUGIN_SANDBOXES."""


@made_up.command("load")
@click.argument("url")
@click.option("--today", is_flag=True, help="Move their dates: a dose is due today, not in March 2026.")
def load_sandbox(url: str, today: bool) -> None:
    """Put the golden patients into the FHIR server whose base is URL; again changes nothing.

    The server must be on this machine, or listed in PLUGIN_SANDBOXES.
    """
    settings = _settings()
    day = datetime.now(UTC).date() if today else None
    try:
        for one in sandbox.load(url, Door(settings.fhir_ca), settings.sandboxes, day):
            click.echo(f"{one.story}: {one.resources} resources, {one.patient}")
    except sandbox.NotLoaded as error:
        raise click.ClickException(str(error)) from None


def _at_hand(cases: Path | None) -> Path | None:
    """The folder of worked cases that was named, else that of a checkout, if this is one."""
    return cases or next((place for place in [Path("tests/cases")] if place.is_dir()), None)


def _settings(**given: Any) -> Settings:
    try:
        return Settings.read(**given)
    except BadSetting as error:
        raise click.ClickException(str(error)) from None


def _day(written: str | None) -> date | None:
    try:
        return date.fromisoformat(written) if written is not None else None
    except ValueError:
        raise click.BadParameter("not an ISO date", param_hint="--as-of") from None


def _moment(written: str | None, zone: tzinfo | None) -> datetime:
    """The clock, or a moment as given: a day is its noon, a time without an offset is of the zone, else UTC."""
    if written is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise click.BadParameter("not an ISO date or date-time", param_hint="--now") from None
    if len(written) == len("2026-03-02"):
        moment = moment.replace(hour=12)
    return moment if moment.tzinfo else moment.replace(tzinfo=zone or UTC)


if __name__ == "__main__":
    main(prog_name="python -m plugin")
