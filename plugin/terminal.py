"""Shows cards, their evidence and the road of every rule as text for a terminal or a pipe."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from plugin.cards import EXTENSION
from plugin.fhir import Json
from plugin.rules import Step

NARROWEST, WIDEST = 60, 110
INDENT = " " * 10

# Marks that survive wrapping and then become colour, or nothing.
_BOLD, _FAINT, _PLAIN = "\ue000", "\ue001", "\ue002"
_ESCAPED = {"*": "\ue003", "<": "\ue004", "(": "\ue005"}
_ANSI = {_BOLD: "\033[1m", _FAINT: "\033[2m", _PLAIN: "\033[0m"}
_MARKS = {*_ANSI, *_ESCAPED.values()}
_BADGES = {"critical": "\033[1;97;41m", "warning": "\033[1;30;43m", "info": "\033[1;97;44m"}
_OUTCOMES = {"fired": "\033[1m", "unknown": "\033[33m", "broken": "\033[31m", "silent": "\033[2m"}


@dataclass(frozen=True, slots=True)
class Screen:
    """How wide to write, and whether in colour."""

    width: int = 80
    colour: bool = False

    @classmethod
    def here(cls) -> Screen:
        """Standard output as it is: colour on a terminal that does not refuse it, plain text in a pipe."""
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        width = shutil.get_terminal_size((80, 24)).columns
        return cls(max(NARROWEST, min(WIDEST, width)), colour)

    def paint(self, text: str, code: str) -> str:
        return f"{code}{text}\033[0m" if self.colour else text

    def wrap(self, markdown: str, indent: str = INDENT, bullet: str = "") -> Iterator[str]:
        """The lines of a text of light Markdown; list items hang."""
        for line in _harmless(markdown).split("\n"):
            item = re.match(r"\s*(?:[-*]|\d+\.) ", line)
            hanging = " " * len(item.group() if item else bullet)
            first, bullet = indent + bullet, ""
            wrapped = textwrap.wrap(
                _marked(line),
                self.width,
                initial_indent=first,
                subsequent_indent=indent + hanging,
                break_long_words=False,
                break_on_hyphens=False,
            )
            yield from (self._coloured(part) for part in wrapped or [""])

    def _coloured(self, text: str) -> str:
        for mark, code in _ANSI.items():
            text = text.replace(mark, code if self.colour else "")
        for character, mark in _ESCAPED.items():
            text = text.replace(mark, character)
        return text


def show(cards: Sequence[Json], screen: Screen) -> str:
    """The cards as a clinician reads them: how urgent, what to do, why, and what the EHR can do at a click."""
    if not cards:
        return "No card: checked, and nothing to say.\n"
    return "\n".join("\n".join(_card(card, screen)) + "\n" for card in cards)


def _card(card: Json, screen: Screen) -> Iterator[str]:
    badge = f" {card['indicator'].upper()} "
    summary = list(screen.wrap(f"**{card['summary']}**"))
    yield screen.paint(badge, _BADGES.get(card["indicator"], "")) + summary[0][len(badge) :]
    yield from summary[1:]
    if detail := card.get("detail"):
        yield ""
        yield from screen.wrap(detail)
    if suggestions := card.get("suggestions"):
        yield ""
        for suggestion in suggestions:
            yield from screen.wrap(_suggestion(suggestion), bullet="> ")
    yield ""
    yield from screen.wrap(f"Source: {card['source']['label']}")


def _suggestion(suggestion: Json) -> str:
    recommended = " (recommended)" if suggestion.get("isRecommended") else ""
    does = "; ".join(action["description"] for action in suggestion.get("actions", ()))
    return f"**{suggestion['label']}**{recommended}: {does}"


def evidence(cards: Iterable[Json], screen: Screen) -> str:
    """What each finding rests on: its rule, its clause, and the resources where a reader can check it."""
    lines = [screen._coloured(f"{_BOLD}Evidence{_PLAIN}")]
    for card in cards:
        said = card["extension"][EXTENSION]
        for finding in said.get("findings", ()):
            lines += screen.wrap(f"{finding['rule']} ({finding['action']}): {finding['cite']}", "  ")
            lines += screen.wrap(", ".join(finding.get("because", ())) or "no single resource", " " * 6)
        if numbers := said.get("numbers"):
            lines += screen.wrap(", ".join(f"{name} {value}" for name, value in numbers.items()), "  ", "= ")
        if unread := said.get("unread"):
            lines += screen.wrap(f"not read: {', '.join(unread)}", "  ")
    return "\n".join(lines) + "\n"


def road(steps: Sequence[Step], screen: Screen) -> str:
    """What every rule answered: fired, silent, unknown or broken, and why."""
    lines = [screen._coloured(f"{_BOLD}The road of every rule{_PLAIN}")]
    widest = max((len(step.rule.id) for step in steps), default=0)
    for step in steps:
        outcome = screen.paint(f"{step.outcome:<8}", _OUTCOMES.get(step.outcome, ""))
        why = f"  {_harmless(step.why)}" if step.why else ""
        lines.append(f"  {outcome} {step.rule.id:<{widest}}{why}".rstrip())
    return "\n".join(lines) + "\n"


def _harmless(text: str) -> str:
    """Without control characters: what a sender wrote must not steer the reader's terminal."""
    return "".join(c if c == "\n" or (c.isprintable() and c not in _MARKS) else " " for c in text)


def _marked(line: str) -> str:
    line = re.sub(r"\\([*<(])", lambda escaped: _ESCAPED[escaped.group(1)], line)
    line = re.sub(r"\*\*(.+?)\*\*", rf"{_BOLD}\1{_PLAIN}", line)
    return re.sub(r"(?<![\w*])\*(?![\s*])(.+?)(?<!\s)\*(?!\w)", rf"{_FAINT}\1{_PLAIN}", line)
