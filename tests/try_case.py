"""Tries the worked cases of one file, and shows the cards: `python -m tests.try_case FILE [part of a NAME]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from plugin import record, terminal
from tests import doors, worked
from tests.worked import Case


def main(file: str, part: str = "") -> int:
    chosen = [case for case in worked.read(Path(file)) if part in case.name]
    tried = [(case, doors.advised(case)) for case in chosen]
    for case, answer in tried:
        wrong = worked.faults(case, answer)
        lines = [f"{'FAIL' if wrong else 'ok  '} {case.name}", *(f"     - {fault}" for fault in wrong)]
        sys.stdout.write("\n".join([*lines, *(_shown(case) if part else ()), ""]))
    return any(worked.faults(*each) for each in tried) or not tried


def _shown(case: Case) -> Iterator[str]:
    """The cards, their evidence, and the road of every rule."""
    screen = terminal.Screen(110)
    cards = doors.advised(case).cards
    advice = doors.advice_on(record.parse(case.body(), case.hook), case.label, case.now, case.site)
    yield terminal.show(cards, screen)
    yield terminal.evidence(cards, screen)
    yield terminal.road(advice.road, screen) if advice else "This is no business of the drug."


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
