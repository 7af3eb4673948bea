"""Judges the mutants of the rules on the worked cases: `python -m tests.mutants [PATTERN ...]`, from the root.

mutmut makes the mutants and keeps the verdicts: `mutmut results` lists those that survived, `mutmut show NAME` shows
one. Starting pytest for each of them takes hours. A rule is a pure function, so this takes minutes: first every mutant
of a function is called beside it, with whatever arguments the cases bring; one that never answers otherwise has
survived. Where it does, the case is answered anew with the mutant in the function's place, and word for word.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from fnmatch import fnmatch
from functools import wraps
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from mutmut import __main__ as mutmut
from mutmut.mutation import trampoline
from mutmut.mutation.data import SourceFileMutationData
from mutmut.utils.file_utils import copy_also_copy_files, copy_src_dir, walk_mutatable_files

KILLED, SURVIVED, NO_CASE = 1, 0, 33  # the exit codes that mutmut keeps for these
JOBS = os.cpu_count() or 1
PATIENCE = 5  # seconds for one call, or for one case
ENOUGH = 4  # cases with another answer: the first to be tried, before all of them are looked for

Call = Callable[..., Any]
Verdicts = dict[str, int]
Differences = dict[str, list[int]]  # by mutant: the cases in which it answers otherwise


class Late(BaseException):
    """A mutant that does not come to an end."""


class Function:
    """A function that mutmut mutated: what is called now, the original, and the mutants by their names."""

    def __init__(self, module: str, variants: Mapping[str, Call], now: Call) -> None:
        self._module, self._variants, self.now = module, variants, now

    @property
    def original(self) -> Call:
        return self._variants["_mutmut_orig"]

    @property
    def name(self) -> str:
        return f"{self._module}.{self.original.__name__.removesuffix('__mutmut_orig')}"

    @property
    def mutants(self) -> dict[str, Call]:
        return {f"{self._module}.{n}": f for n, f in self._variants.items() if n != "_mutmut_orig"}


FUNCTIONS: list[Function] = []


def wrapped(variants: Mapping[str, Call], is_classmethod: bool = False) -> Callable[[Call], Call]:
    """What mutmut puts around a mutated function, without its look at the environment at every call."""
    assert not is_classmethod

    def wrap(function: Call) -> Call:
        ours = Function(function.__module__, variants, function)
        FUNCTIONS.append(ours)
        return wraps(function)(lambda *args, **more: ours.now(*args, **more))

    return wrap


# --- what a call answers -------------------------------------------------------------------------------------


class Items:
    """All that an iterator gives, and the error that it ends with; it can be gone through again."""

    def __init__(self, iterator: Iterable[Any]) -> None:
        self.items: list[Any] = []
        self.error: Exception | None = None
        try:
            self.items.extend(iterator)
        except Exception as error:
            self.error = error

    def __iter__(self) -> Iterator[Any]:
        yield from self.items
        if self.error:
            raise self.error


def answer(function: Call, args: Sequence[Any], more: Mapping[str, Any]) -> Any:
    """What a function gives or raises; an iterator among its arguments is begun anew."""
    try:
        given = function(*map(begun, args), **{name: begun(value) for name, value in more.items()})
    except Exception as error:
        return error
    return Items(given) if hasattr(given, "__next__") else given


def begun(value: Any) -> Any:
    return iter(value) if isinstance(value, Items) else value


def same(one: Any, other: Any) -> bool:
    """Whether two answers are the same, to the last digit of a decimal."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, Decimal):
        return str(one) == str(other)
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, Items):
        return same(one.items, other.items) and same(one.error, other.error)
    if isinstance(one, Exception):
        return same(one.args, other.args)
    if dataclasses.is_dataclass(one):
        compared = (f.name for f in dataclasses.fields(one) if f.compare)
        return all(same(getattr(one, name), getattr(other, name)) for name in compared)
    return bool(one == other)


@contextmanager
def patience() -> Iterator[None]:
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def late(*_: object) -> None:
    raise Late


# --- the cases -----------------------------------------------------------------------------------------------


class Cases:
    """Every worked case, read once, with what it says where nothing is mutated."""

    def __init__(self) -> None:
        from plugin import advice, service
        from tests import test_said

        for module, name in ((advice, "read"), (service, "gather")):  # neither rests on the rules
            vars(module)[name] = remembered(vars(module)[name])
        self._said = test_said.said
        self._asked = [each for file in test_said.FILES for each in test_said.asked(file)]
        self.expected = [list(self._said(*asked)) for asked in self._asked]

    def __len__(self) -> int:
        return len(self._asked)

    def say(self, case: int) -> list[str]:
        return list(self._said(*self._asked[case]))

    def tell(self, case: int) -> bool:
        """Whether a case says something else now."""
        try:
            with patience():
                return self.say(case) != self.expected[case]
        except (Exception, Late):
            return True


def remembered(function: Call) -> Call:
    """The same function, which answers once for each object that it is asked about."""
    known: dict[tuple[Any, ...], tuple[Any, Any]] = {}

    def ask(subject: Any, *more: Any) -> Any:
        key = (id(subject), *more)
        if key not in known:
            known[key] = subject, function(subject, *more)
        return known[key][1]

    return ask


# --- judging -------------------------------------------------------------------------------------------------


class Jury:
    """Judges mutants by name; what it does in several processes it does in forks of this one."""

    def __init__(self, cases: Cases, wanted: Iterable[str]) -> None:
        names = set(wanted)
        self.cases = cases
        self.by_name = {n: f for f in FUNCTIONS for n in f.mutants if n in names}
        self.found: Differences = {}
        self.reached: set[str] = set()
        self.case = 0  # that is being answered
        self.mutated = False  # whether a mutant is being called

    def verdicts(self) -> Verdicts:
        found, reached = self.compare(list(self.by_name), ENOUGH)
        judged = {n: SURVIVED if f.name in reached else NO_CASE for n, f in self.by_name.items()}
        judged |= self.confirm(found)
        open_still = [n for n in found if judged[n] == SURVIVED and len(found[n]) >= ENOUGH]
        if open_still:
            more, _ = self.compare(open_still, len(self.cases))
            judged |= self.confirm(more)
        return judged

    def compare(self, names: Sequence[str], enough: int) -> tuple[Differences, set[str]]:
        """The cases in which each mutant answers otherwise than its function, up to so many in each process."""
        found: Differences = {}
        reached: set[str] = set()
        for ours, touched in self.shared(lambda part: self._compare(part, set(names), enough)):
            reached |= touched
            for name, where in ours.items():
                found.setdefault(name, []).extend(where)
        return found, reached

    def _compare(self, part: int, names: set[str], enough: int) -> tuple[Differences, set[str]]:
        for function in FUNCTIONS:
            live = {n: f for n, f in function.mutants.items() if n in names}
            function.now = self.beside(function, live, enough) if live else function.original
        for case in range(part, len(self.cases), JOBS):
            self.case = case
            assert self.cases.say(case) == self.cases.expected[case], "comparing changed the answer"
        return self.found, self.reached

    def beside(self, function: Function, live: dict[str, Call], enough: int) -> Call:
        """The function, which calls its mutants after itself; calls out of a mutant are not compared."""
        original, name = function.original, function.name

        def now(*args: Any, **more: Any) -> Any:
            self.reached.add(name)
            if self.mutated or not live:
                return original(*args, **more)
            args = tuple(Items(a) if hasattr(a, "__next__") else a for a in args)
            given = answer(original, args, more)
            self.mutated = True
            for mutant, call in list(live.items()):
                where = self.found.setdefault(mutant, [])
                try:
                    with patience():
                        other = not same(answer(call, args, more), given)
                except Late:
                    other = True
                if other and self.case not in where:
                    where.append(self.case)
                if len(where) >= enough:
                    del live[mutant]
            self.mutated = False
            if isinstance(given, Exception):
                raise given
            return begun(given)

        return now

    def confirm(self, found: Differences) -> Verdicts:
        todo = [(n, cases) for n, cases in found.items() if cases]
        verdicts: Verdicts = {}
        for ours in self.shared(lambda part: dict(map(self._confirm, todo[part::JOBS]))):
            verdicts |= ours
        return verdicts

    def _confirm(self, mutant: tuple[str, list[int]]) -> tuple[str, int]:
        name, cases = mutant
        function = self.by_name[name]
        function.now = function.mutants[name]
        killed = any(map(self.cases.tell, cases))
        function.now = function.original
        return name, KILLED if killed else SURVIVED

    def shared(self, work: Callable[[int], Any]) -> list[Any]:
        """What the work gives, done in as many forks of this process as there are processors."""
        global _work
        _work = work
        with get_context("fork").Pool(JOBS) as pool:
            return pool.map(_part, range(JOBS))


_work: Callable[[int], Any]


def _part(part: int) -> Any:
    signal.signal(signal.SIGALRM, late)
    return _work(part)


# --- the whole -----------------------------------------------------------------------------------------------


def main(*patterns: str) -> None:
    os.environ["MUTANT_UNDER_TEST"] = "mutant_generation"
    prepare()
    files: list[SourceFileMutationData] = []
    for path in walk_mutatable_files():
        if path.parts[:2] == ("plugin", "drugs"):
            files.append(SourceFileMutationData(path=path))
            files[-1].load()
    logging.disable()
    undecided = [
        n for file in files for n, code in file.exit_code_by_key.items() if code in (None, SURVIVED, NO_CASE)
    ]
    wanted = [n for n in undecided if not patterns or any(fnmatch(n, f"*.{p}.*") for p in patterns)]
    verdicts = Jury(Cases(), wanted).verdicts() if wanted else {}
    for file in files:
        file.exit_code_by_key |= {n: v for n, v in verdicts.items() if n in file.exit_code_by_key}
        file.save()
    report(files)


def prepare() -> None:
    """Makes the mutants of whatever changed, and lets `plugin` be imported from among them."""
    root = Path.cwd()
    Path("mutants").mkdir(exist_ok=True)
    with mutmut.CatchOutput():
        copy_src_dir()
        copy_also_copy_files()
        mutmut.create_mutants(JOBS)
    for file in Path("plugin").rglob("*.toml"):  # mutmut copies a file once, and labels change
        shutil.copy(file, "mutants" / file)
    sys.path[:] = [str(root / "mutants"), *(p for p in sys.path if Path(p or ".").resolve() != root)]
    vars(trampoline)["wrap_in_trampoline"] = wrapped


def report(files: Sequence[SourceFileMutationData]) -> None:
    """Says, module by module, how many mutants were killed, and of how many; those not judged yet are left out."""
    everything: Counter[int | None] = Counter()
    for file in files:
        codes = Counter(code for code in file.exit_code_by_key.values() if code is not None)
        everything += codes
        if codes:
            sys.stdout.write(f"{Path(file.path).stem:16}{codes[KILLED]:6} of {codes.total():5}\n")
    sys.stdout.write(f"{'all':16}{everything[KILLED]:6} of {everything.total():5}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
