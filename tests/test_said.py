"""What each worked case says, word for word, beside the case file as `<file>.said.txt`.

The case files say which rules speak; these say how, so that a change of any word, number, source or suggestion is seen
for whom it changes. `pytest tests/test_said.py --approve` records them anew; read the difference before committing it.
A paragraph or a resource that stood in full above in the same file is cut to its first words.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from plugin import record
from plugin.answers import written
from plugin.cards import cards
from plugin.fetch import Unobtainable
from plugin.record import HookRequest
from tests import doors, worked
from tests.resources import Json
from tests.worked import Case

FILES = sorted(worked.FOLDER.rglob("*.toml"))


@pytest.mark.untraced  # the worked cases go these ways, too
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_said(file: Path, request: pytest.FixtureRequest) -> None:
    recorded = file.with_suffix(".said.txt")
    if request.config.getoption("--approve"):
        recorded.write_text("\n\n".join(told(file)) + "\n", "utf-8")
    known = iter(recorded.read_text("utf-8").removesuffix("\n").split("\n\n"))
    for block in told(file):
        assert block == next(known, "nothing")
    assert not list(known)


def told(file: Path) -> Iterator[str]:
    """What the service says in each case of a file, a block of lines each."""
    above: set[str] = set()
    for case, request in asked(file):
        lines = [f"# {case.name}", *said(case, request)]
        yield "\n".join(_shortened(line, above) for line in lines)
        above.update(lines)


@cache
def asked(file: Path) -> tuple[tuple[Case, HookRequest], ...]:
    """Each case of a file with its request: read once, though every mutant of the rules is tried on it."""
    return tuple((case, record.parse(case.body(), case.hook)) for case in worked.read(file))


def _shortened(line: str, above: set[str]) -> str:
    return f"{line[:28]}..." if line in above and line.startswith("    ") else line


def said(case: Case, request: HookRequest) -> Iterator[str]:
    """What the service says in one case, line by line."""
    try:
        advice = doors.advice_on(request, case.label, case.now, case.site)
    except Unobtainable as error:
        yield f"412: {error}"
        return
    if advice is None:
        yield "no business of the drug"
        return
    for card in json.loads(written(cards(advice, request.instance))):
        yield from _card(card)
    for step in advice.road:
        if step.outcome not in ("fired", "silent"):
            yield f"{step.outcome}: {step.rule.id}: {step.why}"


def _card(card: Json) -> Iterator[str]:
    ours = card["extension"][worked.EXTENSION]
    topic = card["source"]["topic"]["code"]
    yield f"[{card['indicator']}] {card['summary']}"
    yield from (f"    {line}" for line in card.get("detail", "").split("\n") if line)
    for found in ours.get("findings", ()):
        because = ", ".join(found.get("because", ())) or "no single resource"
        yield f"  {found['rule']} ({found['indicator']}, {found['action']}; {found['cite']}): {because}"
    if numbers := ours.get("numbers"):
        yield "  " + ", ".join(f"{name} {value}" for name, value in numbers.items())
    if unread := ours.get("unread"):
        yield f"  not read: {', '.join(unread)}"
    for suggestion in card.get("suggestions", ()):
        recommended = "recommended, " if suggestion.get("isRecommended") else ""
        yield f"  > {suggestion['label']} ({recommended}{card['selectionBehavior']})"
        for action in suggestion["actions"]:
            yield f"    {action['type']}: {action['description']} {action.get('resourceId', '')}".rstrip()
            if "resource" in action:
                yield f"    {json.dumps(action['resource'], ensure_ascii=False)}"
    yield f"    Source, {topic}: {ours['label']}, {card['source']['label']}, {card['source'].get('url')}"
    yield from (f"    override: {r['code']} {r['display']}" for r in card.get("overrideReasons", ()))
    yield from (f"    {link['label']}: {link['url']}" for link in card.get("links", ()))
