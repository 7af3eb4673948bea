"""Pregnancy, contraception and breastfeeding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial

from plugin.concepts import (
    BREASTFEEDING,
    BREASTFEEDING_STATUS,
    HCG,
    HYSTERECTOMY,
    NOT_PREGNANT_ANSWER,
    POSTMENOPAUSAL,
    PREGNANCY,
    PREGNANCY_STATUS,
    PREGNANT_ANSWER,
    QUALIFIER_NEGATIVE,
    QUALIFIER_POSITIVE,
)
from plugin.drugs.inotuzumab.course import Treatment
from plugin.drugs.inotuzumab.wording import DRUG, days, if_active, listed, named, remove_orders, sentences
from plugin.facts import Fact, Result, Unknown, contenders
from plugin.findings import Action, Finding, Indicator, finding
from plugin.labels import Row
from plugin.rules import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Contraception(Row):
    """How long after the last dose, in months."""

    women: int
    men: int
    besides: str = ""  # what else the label wants said


@dataclass(frozen=True, slots=True, kw_only=True)
class Pregnancy(Row):
    """Which records of a pregnancy count, and from which hCG a test without a range is positive, in [IU]/L."""

    lately: timedelta
    positive_from: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PregnancyTest(Row):
    """Who is asked for a test before the start, and how old it may be."""

    pregnancy: Pregnancy
    fresh: timedelta
    youngest: int  # years
    oldest: int  # years


@dataclass(frozen=True, slots=True, kw_only=True)
class Lactation(Row):
    after: timedelta  # the last dose
    months: int  # the same, as the label says it
    lately: timedelta  # how old a record of breastfeeding among the observations may be


# --- contraception -----------------------------------------------------------------------------------------


def monitor_for_contraception(facts: Treatment, row: Contraception) -> Finding | None:
    """Contraception during treatment and for months after the last dose, longer for women than for men."""
    if not (facts.place and facts.starting):
        return None
    who = facts.patient
    women, men = f"{row.women} months", f"{row.men} months"
    both = f"{women} (women) or {men} (men)"
    during = "contraception during treatment and for"
    for_women = f"Women who can conceive: effective {during} {women} after the last dose."
    for_men = f"Men with partners who can conceive: {during} {men} after the last dose."
    sex = who.sex if who else ""
    advice = {"female": (women, for_women), "male": (men, for_men)}
    months, text = advice.get(sex, (both, f"{for_women} {for_men}"))
    return finding(
        Action.MONITOR,
        f"Contraception during {DRUG} and for {months} after the last dose",
        who,
        text=sentences(f"**Contraception.** {text}", row.besides),
    )


# --- pregnancy ---------------------------------------------------------------------------------------------


def tests(facts: Treatment, row: Pregnancy) -> Iterator[tuple[Result, bool | None]]:
    """Pregnancy tests and recorded status, the newest day first: positive, negative, or neither (None).

    Of several less than an hour apart a positive one counts.
    """
    for newest in facts.series(HCG, PREGNANCY_STATUS):
        same = [(r, is_positive(r, row)) for r in contenders(facts.same_day(newest, HCG, PREGNANCY_STATUS))]
        rank = (True, False, None)
        yield min(same, key=lambda pair: rank.index(pair[1]))


def is_positive(result: Result, row: Pregnancy) -> bool | None:
    """Whether a test says pregnant: by its number, else by its answer, else by its interpretation."""
    if result.value is not None:
        return _is_high(result, result.value, row)
    if result.says & {QUALIFIER_POSITIVE, PREGNANT_ANSWER}:
        return True
    return False if result.says & {QUALIFIER_NEGATIVE, NOT_PREGNANT_ANSWER} else None


def _is_high(result: Result, value: Decimal, row: Pregnancy) -> bool | None:
    """Whether an hCG is over the laboratory's limit, or else at or over ours; "< 50" may be either."""
    over = result.exceeds(Decimal(1))
    if over is None:
        over = result.bound.startswith(">") or value >= row.positive_from
    if result.bound.startswith("<"):
        return None if over and value != row.positive_from else False
    return over


def avoid_for_pregnancy(facts: Treatment, row: Pregnancy) -> Finding | None:
    """It harms the embryo and the fetus."""
    condition = facts.find(PREGNANCY, certain=False)
    known = [
        (r, positive)
        for r, positive in tests(facts, row)
        if positive is not None and facts.fresh(r, row.lately)
    ]
    test = next((r for r, positive in known[:1] if positive and not _is_man(facts)), None)
    if condition is None and test is None:
        if facts.problems is None:
            raise Unknown("problem list")
        return None
    record = [named(condition)] if condition else []
    record += [f"{test.name} {test.written} on {test.when}"] if test else []
    return finding(
        Action.AVOID,
        f"Do not give {DRUG}: pregnancy is on record",
        condition,
        test,
        text=sentences(
            f"**Do not give.** Pregnancy is on record: {listed(record)}. "
            f"{DRUG.capitalize()} can harm the embryo and the fetus. Verify, and advise the patient of the risk.",
            if_active(facts),
        ),
        proposals=remove_orders(facts, "pregnancy on record"),
    )


def _is_man(facts: Treatment) -> bool:
    """Whether every record of the sex says male: then an hCG is of something else."""
    who = facts.patient
    return who is not None and who.sex == "male" and not who.may_conceive


def check_for_pregnancy_test(facts: Treatment, row: PregnancyTest) -> Finding | None:
    """The pregnancy status of a woman who may conceive is checked before the start."""
    who = facts.patient
    if not (facts.place and facts.starting) or who is None or not who.may_conceive:
        return None
    if facts.years is None:
        raise Unknown("birth date")
    youngest, oldest = facts.years
    if oldest < row.youngest or youngest > row.oldest or _cannot_conceive(facts):
        return None
    known = list(tests(facts, row.pregnancy))
    if any(positive is not None and facts.fresh(r, row.fresh) for r, positive in known):
        return None
    last = next((r for r, _ in known), None)
    return finding(
        Action.CHECK,
        f"Pregnancy test before the first dose of {DRUG}: none in the last {days(row.fresh.days)}",
        who,
        last,
        text=sentences(
            f"**Pregnancy test.** None within {days(row.fresh.days)} before the first dose.",
            f"The newest is {last.written} of {last.when}." if last else "",
            "Verify the pregnancy status before starting.",
        ),
    )


def _cannot_conceive(facts: Treatment) -> Fact | None:
    """A menopause or a hysterectomy on record; a tubal ligation is none."""
    known = (HYSTERECTOMY, POSTMENOPAUSAL)
    done = (p for p in facts.procedures or () if p.means & frozenset(known) and p.state == "done")
    return facts.find(*known, past=True) or next((p for p in done if not facts.future(p)), None)


# --- breastfeeding -------------------------------------------------------------------------------------------


def avoid_for_breastfeeding(facts: Treatment, row: Lactation) -> Finding | None:
    """No breastfeeding during treatment and for months after the last dose."""
    status = facts.latest(BREASTFEEDING_STATUS, within=row.lately)
    feeding = facts.find(BREASTFEEDING, certain=False) or (
        status if status and QUALIFIER_POSITIVE in status.says else None
    )
    if feeding is None:
        if facts.problems is None:
            raise Unknown("problem list")
        return None
    last = facts.course.last
    if facts.order is None and last and facts.age(last) > row.after.days:
        return None
    return finding(
        Action.AVOID,
        f"Do not breastfeed during {DRUG} and for at least {row.months} months after the last dose",
        feeding,
        last,
        text=f"**Do not breastfeed.** On record: {named(feeding)}. Not during treatment with {DRUG}, and not for at "
        f"least {row.months} months after the last dose.",
    )


ROWS: dict[str, type[Row]] = {
    "contraception": Contraception,
    "pregnancy": Pregnancy,
    "pregnancy-test": PregnancyTest,
    "lactation": Lactation,
}

INFO, WARNING, CRITICAL = Indicator.INFO, Indicator.WARNING, Indicator.CRITICAL
_RECORDS = ("conditions", "observations")

_info = partial(Rule, topic="pregnancy", indicator=INFO)
_warning = partial(Rule, topic="pregnancy", indicator=WARNING)
_critical = partial(Rule, topic="pregnancy", indicator=CRITICAL, reads=_RECORDS)

RULES: tuple[Rule, ...] = (
    _info(
        id="repro-contraception",
        row="contraception",
        judge=monitor_for_contraception,
        hooks="SO",
        reads=("patient",),
    ),
    _critical(id="repro-pregnant", row="pregnancy", judge=avoid_for_pregnancy, hooks="SOPE"),
    _warning(
        id="repro-test-missing",
        row="pregnancy-test",
        judge=check_for_pregnancy_test,
        hooks="SOE",
        reads=("patient", *_RECORDS, "procedures"),
    ),
    _critical(id="repro-lactation", row="lactation", judge=avoid_for_breastfeeding, hooks="SOP"),
)
