"""Reads from the FHIR server that a request names, with the request's own token, within a budget of time.

An `Ehr` lives for one request, and so does the token in it. Nothing that a server can do raises here or takes
longer than the budget: a read that fails is a read without an answer, and `fetch` names it.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

import structlog

from plugin.fhir import Json, text
from plugin.outgoing import Allowed, Answer, Door, OutgoingError, Refused, TooLarge, target
from plugin.record import HookRequest, Malformed, Page, decode, page

log = structlog.stdlib.get_logger("plugin.ehr")

AT_ONCE = 8  # reads of one request that run side by side
MOST_PAGES = 10  # of one search
MOST_RESOURCES = 5_000  # of one search
LARGEST = 8 * 2**20  # bytes of one answer, as unpacked
MOST_BYTES = 32 * 2**20  # of one request
LEAST = 0.02  # seconds under which no further call is begun
_TOKEN = re.compile(r"[\x21-\x7e]+")

# By key: URLs relative to the base ("Patient/x", "Condition?patient=x"), all of which are needed, or a page that
# came already and has a next one.
Wanted = Mapping[str, Sequence[str] | Page]


@dataclass(frozen=True, slots=True)
class Budget:
    """How long the reads of one request may take: all of them, and each single call. Seconds."""

    whole: float = 2.0
    call: float = 1.0


@dataclass(slots=True)
class Ehr:
    """One FHIR server, for one request. `base` is the server of the request, and all that is ever called."""

    door: Door
    base: Allowed
    token: str | None = field(default=None, repr=False)
    budget: Budget = Budget()
    ends: float = 0.0
    sizes: list[int] = field(default_factory=list)  # of the answers so far
    failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ends = time.monotonic() + self.budget.whole

    def read(self, wanted: Wanted) -> dict[str, Page]:
        """What came for each key, all its pages as one; a key without an answer is left out. Never raises.

        A page whose `following` is set is not the last: the rest could not be read.
        """
        if not wanted:
            return {}
        calls = [
            (k, one) for k, what in wanted.items() for one in ([what] if isinstance(what, Page) else what)
        ]
        with ThreadPoolExecutor(min(AT_ONCE, len(calls)), thread_name_prefix="ehr") as threads:
            pages = list(threads.map(self._one, [one for _, one in calls]))
        found: dict[str, list[Page]] = {}
        missing = {key for (key, _), one in zip(calls, pages, strict=True) if one is None}
        for (key, _), one in zip(calls, pages, strict=True):
            if one is not None and key not in missing:
                found.setdefault(key, []).append(one)
        answered = {key: _joined(parts) for key, parts in found.items()}
        ours = {key for key, what in wanted.items() if not isinstance(what, Page) and "/" not in key}
        log.info(  # the names of our own keys alone: a client's own, or an id, may tell of a patient
            "reads",
            server=str(self.base),
            asked=len(wanted),
            unanswered=sorted(missing & ours),
            incomplete=sorted(key for key in answered.keys() & ours if answered[key].following),
            why=dict(Counter(self.failures)),
            ms_left=max(0, round((self.ends - time.monotonic()) * 1000)),
        )
        return answered

    def _one(self, wanted: str | Page) -> Page | None:
        first = wanted if isinstance(wanted, Page) else self._first(wanted)
        return self._rest(first) if first else None

    def _first(self, relative: str) -> Page | None:
        """The answer to a read or a search. A server that does not sort by what we ask is asked without."""
        url = f"{self.base}/{relative}"
        answer = self._get(url)
        if answer and answer.status == 400 and "&_sort=" in url:
            answer = self._get(re.sub(r"&(_sort|_include)=[^&]*", "", url))
        kind = re.split(r"[?/]", relative)[0]
        return self._page(answer, "Bundle" if "?" in relative else kind)

    def _rest(self, first: Page) -> Page:
        """A page with all that follow it, as far as they can be read."""
        pages, seen = [first], set[str]()
        following = first.following
        while following and following not in seen and self._room(pages):
            seen.add(following)
            found = self._page(self._get(urljoin(f"{self.base}/", following)), "Bundle")
            if found is None:
                break
            pages.append(found)
            following = found.following
        return replace(_joined(pages), following=following)

    def _room(self, pages: Iterable[Page]) -> bool:
        sizes = [len(one.resources) for one in pages]
        if len(sizes) < MOST_PAGES and sum(sizes) < MOST_RESOURCES:
            return True
        self.failures.append("too many pages")
        return False

    def _page(self, answer: Answer | None, kind: str) -> Page | None:
        """A successful answer of the wanted type, as a page; anything else is no answer."""
        if answer is None:
            return None
        if answer.status != 200:
            self.failures.append(f"status {answer.status}")
            return None
        try:
            said = decode(answer.body)
        except Malformed:
            self.failures.append("not JSON")
            return None
        found = page(said) if isinstance(said, dict) and text(said.get("resourceType")) == kind else None
        if found is None:
            self.failures.append("not what was asked for")
        return found

    def _get(self, url: str) -> Answer | None:
        """One call; tried again once, if the server says when and there is time for it."""
        answer = self._call(url)
        wait = _after(answer) if answer and answer.status in (429, 503) else None
        if wait is None or time.monotonic() + wait + LEAST > self.ends:
            return answer
        time.sleep(wait)
        return self._call(url)

    def _call(self, url: str) -> Answer | None:
        left = min(self.budget.call, self.ends - time.monotonic())
        room = min(LARGEST, MOST_BYTES - sum(self.sizes))
        headers = {"Accept": "application/fhir+json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        try:
            if left < LEAST:
                raise TimeoutError
            if room <= 0:
                raise TooLarge("all answers together are too large")
            answer = self.door.get(url, [self.base], headers=headers, seconds=left, largest=room)
        except TimeoutError:
            self.failures.append("no time left")
            return None
        except OutgoingError as error:
            self.failures.append(type(error).__name__)
            return None
        self.sizes.append(len(answer.body))
        return answer


def _joined(pages: Sequence[Page]) -> Page:
    """Several pages as one, which has a next one if any of them has."""
    full_urls: dict[str, Json] = {}
    for one in pages:
        full_urls |= one.full_urls
    return Page(
        resources=tuple(resource for one in pages for resource in one.resources),
        full_urls=full_urls,
        following=next((one.following for one in pages if one.following), None),
    )


def _after(answer: Answer) -> float | None:
    """The seconds that a Retry-After header asks to wait, whether it says a number or a date."""
    written = answer.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,6}", written):
        return float(written)
    try:
        moment = parsedate_to_datetime(written)
    except (TypeError, ValueError):
        return None
    ahead = (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return max(0.0, ahead)


def opened(
    request: HookRequest,
    door: Door,
    servers: Iterable[Allowed],
    budget: Budget = Budget(),
    without_token: bool = False,
) -> Ehr | None:
    """The FHIR server of a request; None if it names none, or one that may not be read.

    `servers` are those that this caller's data may come from; where there are none, nothing is read and that
    is no news. `without_token`: whether an open server may be read when the request brings no token (development).
    """
    servers = tuple(servers)
    if request.fhir_server is None or not servers:
        return None
    try:
        named = target(request.fhir_server)
        base = replace(named, path=named.path.rstrip("/"), query=None)
        entry = next((one for one in servers if one.covers(base)), None)
    except Refused as refused:
        log.warning("FHIR server not read", why=str(refused))
        return None
    if entry is None or named.query is not None:
        log.warning("FHIR server not read", server=base.origin, why="it is not on the list of this caller")
        return None
    token = (request.authorization or {}).get("access_token")
    if not (_TOKEN.fullmatch(token) if isinstance(token, str) else without_token):
        log.warning("FHIR server not read", server=base.origin, why="the request brings no token for it")
        return None
    return Ehr(door, Allowed(base, entry.internal), token, budget)
