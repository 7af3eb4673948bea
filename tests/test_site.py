"""A hospital's own policy: what it may choose, what is refused and how, and that the card says what it chose."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import timedelta
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from click.testing import CliRunner, Result

from plugin import codes, record
from plugin.__main__ import main
from plugin.app import create_app
from plugin.config import BadSetting, Settings
from plugin.drugs import DRUGS
from plugin.fetch import Unobtainable
from plugin.labels import LabelError, Row
from plugin.rules import Drug
from plugin.service import load
from plugin.site import LONGEST_FILE, Site, broken_relations
from tests import doors, worked

Json = dict[str, Any]
ROOT = Path(__file__).parent.parent
EXTENSION = "org.example.inotuzumab-cds"
SIGN = "/cds-services/inotuzumab-order-sign"
GOLDEN = ROOT / "tests" / "golden" / "clean-cycle-1-day-1" / "request.json"


def toml(drug: Drug, name: str) -> Json:
    return tomllib.loads((files(drug.package) / name).read_text("utf-8"), parse_float=Decimal)


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        file = tmp_path / "site.toml"
        file.write_text(text, "utf-8")
        return file

    return write


# --- what is refused -----------------------------------------------------------------------------------------

REFUSED = (
    ("fresh = 7", "site.toml: fresh stands in no table"),
    ("[livre]\nfresh = 7", "site.toml: nothing knows the table [livre]. Tables: after-transplant,"),
    ("[label]\nid = 'x'", "site.toml: nothing knows the table [label]"),
    ("[relations]\nx = 1", "site.toml: nothing knows the table [relations]"),
    ("[liver]\nfrehs = 7", "site.toml [liver] frehs is no key of this table. A site may choose here: excused, fresh,"),
    ("[liver]\nbilirubin = 2", "site.toml [liver] bilirubin is the label's to say, and no site's. A site may choose"),
    ("[liver]\ncite = 'ours'", "site.toml [liver] cite is the label's to say"),
    ("[dose-interval]\nleast = 5", "[dose-interval] least is the label's to say, and no site's. A site may choose"
     " here: nothing"),
    ("[dose-deviation-severe]\ndose_deviation = 1", "[dose-deviation-severe] dose_deviation is no key of this table"),
    ("[preparation]\nnoise = 1", "site.toml [preparation] noise is fixed: no site may choose it"),
    ("[course]\nbody_surface = 1", "site.toml [course] body_surface is no key"),
    ("[liver]\nfresh = -7", "site.toml [liver] fresh is -7; it must be a whole number of days from 1 to 14."),
    ("[liver]\nfresh = 100000", "[liver] fresh is 100000; it must be a whole number of days from 1 to 14."),
    ("[liver]\nfresh = 5.5", "[liver] fresh is 5.5; it must be a whole number of days"),
    ("[liver]\nfresh = true", "[liver] fresh is True; it must be a whole number of days"),
    ("[liver]\nfresh = '7'", "[liver] fresh is '7'; it must be a whole number of days"),
    ("[liver]\nfresh = [7]", "[liver] fresh is [7]; it must be a whole number of days"),
    ("[liver]\nexcused = nan", "[liver] excused is NaN; it must be a number from 1.5 to 3."),
    ("[liver]\nexcused = inf", "[liver] excused is Infinity; it must be a number from 1.5 to 3."),
    ("[liver]\nexcused = 5", "[liver] excused is 5; it must be a number from 1.5 to 3."),
    ("[vod-signs]\nsigns = 1.5", "[vod-signs] signs is 1.5; it must be a whole number from 1 to 2."),
    ("[conflict]\ndiffer = 101", "[conflict] differ is 101; it must be a number from 5 to 30."),
    ("[dose-deviation]\nsilent = 12\nsevere = 12", "[dose-deviation] silent, 12, must be less than [dose-deviation]"
     " severe, 12."),
    ("[dose-deviation]\nsilent = 5", "[rounding] within, 10, must not be more than [dose-deviation] silent, 5."),
    ("[results-fresh]\nfresh = 7\nusable = 5", "[results-fresh] fresh, 7, must not be more than [results-fresh]"
     " usable, 5."),
    ("[liver]\nfresh = 10", "[liver] fresh, 10, must not be more than [results-used] results, 7."),
    ("[liver]\nuln_bilirubin = 1.0", "[liver] uln_bilirubin, 1.0, must be the same limit as [liver] uln_bilirubin_si"),
    ("[body-surface]\nformula = 'haycock'", "[body-surface] formula is 'haycock'; it must be one of mosteller,"
     " dubois."),
    ("[body-surface]\nformula = 1", "[body-surface] formula is 1; it must be one of mosteller, dubois."),
    ("[body-surface]\ncap = 0.1", "[body-surface] cap is 0.1; it must be a number from 1.5 to 3.5."),
    ("[body-surface]\ncap = 4", "[body-surface] cap is 4; it must be a number from 1.5 to 3.5."),
    ("[qt-drugs]\nalert = ['A', 'Z']", "[qt-drugs] alert is ['A', 'Z']; it must be a list of some of A, B, C, A"
     " among them."),
    ("[qt-drugs]\nalert = []", "[qt-drugs] alert is []; it must be a list of some of A, B, C, A among them."),
    ("[qt-drugs]\nalert = 'A'", "[qt-drugs] alert is 'A'; it must be a list"),
    ("[qt-drugs]\nalert = [1]", "[qt-drugs] alert is [1]; it must be a list"),
    ("[electrolytes]\nmagnesium = [1.8]", "[electrolytes] magnesium is [1.8]; it must be a list of 3 numbers: 1.5 to"
     " 2.2, 0.61 to 0.91, 1.22 to 1.83."),
    ("[electrolytes]\nmagnesium = 1.8", "magnesium is 1.8; it must be a list of 3 numbers"),
    ("[electrolytes]\nmagnesium = [1.8, 'x', 1]", "magnesium is [1.8, 'x', 1]; it must be a list of 3 numbers"),
    ("[electrolytes]\nmagnesium = [1.8, 0.74, 2.5]", "it must be within 1.5 to 2.2, 0.61 to 0.91, 1.22 to 1.83."),
    ("[electrolytes]\nmagnesium = [2.0, 0.70, 1.40]", "it must be one limit in each of its units: these are several."),
    ("[premedication]\nantihistamine = 'hydroxyzine'", "antihistamine is 'hydroxyzine'; it must be one of cetirizine,"),
    ("[shown]\nmuted = 'observe-1h'", "[shown] muted is 'observe-1h'; it must be a list of words."),
    ("[shown]\nmuted = ['hep-hold']", "[shown] muted: 'hep-hold' is a rule of level critical; only level info may be"
     " muted: "),
    ("[shown]\nmuted = ['dose-mismatch']", "'dose-mismatch' is a rule of level warning; only level info may be"),
    ("[shown]\nmuted = ['observe-2h']", "'observe-2h' is no rule and no topic with one; only level info may be"),
    ("[shown]\nmuted = ['liver', 'data']", "'data' is no rule and no topic with one"),
    ("[liver\n", "not a readable TOML file"),
    ("[liver]\nfresh = 7\nfresh = 8\n", "not a readable TOML file"),
    (f"# {'x' * LONGEST_FILE}", f"more than {LONGEST_FILE} bytes"),
)  # fmt: skip


@pytest.mark.parametrize(("text", "says"), REFUSED, ids=[text[:40].replace("\n", " ") for text, _ in REFUSED])
def test_what_a_site_may_not_choose_is_refused_in_one_sentence(
    written: Callable[[str], Path], text: str, says: str
) -> None:
    with pytest.raises(LabelError) as error:
        load("us", site=written(text))
    assert says in str(error.value)
    assert "site.toml" in str(error.value)
    assert len(str(error.value)) < 2500


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="there is no such file"):
        load("us", site=tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(LabelError, match="not a readable TOML file"):
        load("us", site=tmp_path / "bytes.toml")


# --- what is chosen ------------------------------------------------------------------------------------------


def test_what_a_site_chooses_stands_over_ours_and_the_rest_stays(written: Callable[[str], Path]) -> None:
    label, policy = load("us", site=written("[liver]\nfresh = 5\ngap = 14\n[course]\nopen_order = 60\n"))
    liver: Any = label.rows["liver"]
    assert (liver.fresh, liver.gap, liver.bilirubin) == (timedelta(5), timedelta(14), Decimal("1.5"))
    assert (policy.course.open_order, policy.course.matching) == (timedelta(60), timedelta(2))
    assert label.site == {"liver": ("fresh",), "course": ("open_order",)}


def test_a_row_that_leans_on_a_changed_one_rests_on_the_site_too(written: Callable[[str], Path]) -> None:
    label, _ = load("us", site=written("[electrolytes]\nfresh = 5\n[qtc]\nrecent = 20\n"))
    assert label.chosen("electrolytes") == ("electrolytes.fresh",)
    assert label.chosen("tisdale") == ("electrolytes.fresh", "qtc.recent")  # by way of the QT drugs
    assert label.chosen("vod-signs") == ()
    assert load("us")[0].chosen("electrolytes") == ()


def test_an_empty_file_changes_nothing(written: Callable[[str], Path]) -> None:
    assert load("us", site=written("")) == load("us")


def test_a_row_of_a_label_that_is_not_in_force_may_stand_in_the_file(written: Callable[[str], Path]) -> None:
    """One file serves every label: what it says of a clause that another one has is checked, and not used."""
    for name in DRUGS[0].labels:
        label, _ = load(name, site=written("[dose-deviation]\nsilent = 10\n[kidneys]\nfresh = 30\n"))
        assert label.site == {"kidneys": ("fresh",)}


# --- the bounds ----------------------------------------------------------------------------------------------


def overlayable(drug: Drug) -> Iterator[tuple[str, str]]:
    """Every key that is ours: of the policy's own tables, and of a row where no label says it."""
    said: dict[str, set[str]] = {}
    for name in drug.labels:
        for table, values in toml(drug, f"{name}.toml").items():
            said.setdefault(table, set()).update(values)
    own = {name.replace("_", "-"): kind for name, kind in get_type_hints(drug.policy).items()}
    for table, kind in {**drug.rows, **own}.items():
        hints = get_type_hints(kind)
        tables = {f.name for f in fields(kind) if hasattr(hints[f.name], "__dataclass_fields__")}
        base = {f.name for f in fields(Row)} if issubclass(kind, Row) else set()
        for f in fields(kind):
            if f.name not in base | tables | said.get(table, set()):
                yield table, f.name


# Fields that no file fills: a label may, and does not today.
UNSAID = {"last_cycle", "most"}


@pytest.mark.parametrize("drug", DRUGS, ids=lambda drug: drug.name)
def test_every_value_of_ours_has_bounds_and_nothing_else_has(drug: Drug) -> None:
    ours = {(table, key) for table, key in overlayable(drug) if key not in UNSAID}
    bounds = toml(drug, "bounds.toml")
    bounded = {(table, key) for table, values in bounds.items() if table != "relations" for key in values}
    assert not ours - bounded, "a value of policy.toml needs its bounds in bounds.toml"
    assert not bounded - ours, "bounds of what is not ours to choose"


@pytest.mark.parametrize("drug", DRUGS, ids=lambda drug: drug.name)
def test_our_own_policy_is_within_its_bounds(drug: Drug, written: Callable[[str], Path]) -> None:
    bounds, ours = toml(drug, "bounds.toml"), toml(drug, "policy.toml")
    free = {
        table: {key: value for key, value in values.items() if bounds[table][key] != "fixed"}
        for table, values in ours.items()
    }
    label, _ = load("us", drug, written("\n".join(_text(table, said) for table, said in free.items())))
    assert label.site == {}
    assert not list(broken_relations(bounds["relations"], ours, ours))


def _text(table: str, values: Json) -> str:
    lines = (f"{key} = {json.dumps(value, default=float)}" for key, value in values.items())
    return f"[{table}]\n" + "\n".join(lines)


def test_no_choice_of_a_premedication_is_a_drug_that_we_cannot_code() -> None:
    for kind, concept in (
        ("corticosteroid", "corticosteroids"),
        ("antipyretic", "antipyretics"),
        ("antihistamine", "antihistamines"),
    ):
        known = {coding.display.casefold() for coding in codes.codings(concept)}
        assert set(toml(DRUGS[0], "bounds.toml")["premedication"][kind]) <= known


# --- what the card says --------------------------------------------------------------------------------------

WORKED = [c for c in worked.cases() if c.file.stem in ("dosing", "interruptions")][::3]


def findings(case: worked.Case, site: str) -> dict[str, tuple[str, str]]:
    """What each rule finds in a case, in its words, and how the card would cite it."""
    advice = doors.advice_on(record.parse(case.body(), case.hook), case.label, case.now, site)
    topics = advice.topics if advice else ()
    return {said.rule: (said.finding.text, said.brief) for topic in topics for said in topic.said}


@pytest.mark.parametrize(
    "site",
    [
        "[body-surface]\nformula = 'dubois'\ncap = 1.5\n",
        "[weight]\nfresh = 1\nusable = 14\nchange = 2\n",
        "[dose-deviation]\nsilent = 5\nsevere = 20\n[rounding]\nwithin = 5\n",
    ],
    ids=["surface", "weight", "bands"],
)
def test_a_finding_whose_words_a_site_changes_says_so(site: str) -> None:
    changed = set()
    for case in WORKED:
        try:
            before, after = findings(case, ""), findings(case, site)
        except Unobtainable:
            continue
        for rule in before.keys() & after.keys():
            if before[rule][0] != after[rule][0]:
                assert "site policy" in after[rule][1], f"{case}: {rule}"
                changed.add(rule)
    assert changed


# --- the documents -------------------------------------------------------------------------------------------


def test_the_example_of_the_documents_is_a_policy_that_loads(written: Callable[[str], Path]) -> None:
    page = (ROOT / "docs" / "site-policy.md").read_text("utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    file = written(example)
    label, policy = load("us", site=file)
    tables = Site.read(file, files(DRUGS[0].package) / "bounds.toml").tables
    assert {table: set(keys) for table, keys in label.site.items()} == {t: set(v) for t, v in tables.items()}
    assert policy.body_surface.cap == Decimal("2.0")


def test_the_documents_name_every_table_that_a_site_may_choose_in() -> None:
    page = (ROOT / "docs" / "site-policy.md").read_text("utf-8")
    missing = [table for table in toml(DRUGS[0], "bounds.toml") if f"`{table}`" not in page]
    assert missing in ([], ["relations"])


# --- the doors -----------------------------------------------------------------------------------------------


def test_the_service_answers_by_the_policy_that_its_environment_names(
    written: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLUGIN_POLICY", str(written("[body-surface]\nformula = 'dubois'\ncap = 1.7\n")))
    monkeypatch.setenv("PLUGIN_DEVELOPMENT", "1")
    client = create_app().test_client()
    with doors.stopped(doors.NOW):
        response = client.post(SIGN, data=GOLDEN.read_bytes(), content_type="application/json")
    dose = next(c for c in response.get_json()["cards"] if c["source"]["topic"]["code"] == "dose")
    ours = dose["extension"][EXTENSION]
    assert "capped at 1.7 m2, site policy" in dose["detail"]
    assert "*(US PI 2.1, Table 1; site policy)*" in dose["detail"]
    assert ours["findings"][0]["cite"] == (
        "US PI 3/2024, 2.1, Table 1; site policy: body-surface.formula, body-surface.cap"
    )
    assert (ours["numbers"]["bsa_used_m2"], ours["numbers"]["dose_mg"]) == (1.7, 1.36)
    assert ours["numbers"]["bsa_m2"] == 1.8


def test_a_service_does_not_start_on_a_policy_that_cannot_be_used(written: Callable[[str], Path]) -> None:
    file = written("[liver]\nfresh = 100000\n")
    with pytest.raises(LabelError, match=r"site.toml \[liver\] fresh is 100000"):
        create_app(Settings(policy=file))
    with pytest.raises(BadSetting, match=r"PLUGIN_POLICY is 'none\.toml'; it must be the path of a file"):
        Settings.read({"PLUGIN_POLICY": "none.toml"})
    assert Settings.read({"PLUGIN_POLICY": str(file)}).policy == file


def run(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, arguments, env=env, catch_exceptions=False)


def test_check_names_what_a_site_changes(written: Callable[[str], Path]) -> None:
    file = written("[liver]\nfresh = 5\n[body-surface]\ncap = 2.0\n[qt-drugs]\nalert = ['A', 'B']\n")
    for result in (run("check", "--policy", str(file)), run("check", env={"PLUGIN_POLICY": str(file)})):
        assert result.exit_code == 0
        assert result.output.splitlines() == [
            "Site policy: [liver] fresh = 5 (ours: 7)",
            "Site policy: [body-surface] cap = 2.0 (ours: no value)",
            "Site policy: [qt-drugs] alert = ['A', 'B'] (ours: no value)",
            "Labels, policy, value sets and settings are in order.",
        ]


def test_every_command_refuses_a_bad_policy_in_one_line(written: Callable[[str], Path]) -> None:
    file = str(written("[liver]\nfresh = 0\n"))
    for arguments in (
        ("check", "--policy", file),
        ("serve", "--policy", file),
        ("advise", str(GOLDEN), "--policy", file),
    ):
        result = run(*arguments)
        assert result.exit_code == 1
        assert result.output.count("[liver] fresh is 0; it must be a whole number of days from 1 to 14.") == 1
        assert "Traceback" not in result.output


def test_advise_shows_the_road_of_a_muted_rule(written: Callable[[str], Path]) -> None:
    result = run(
        "advise",
        str(GOLDEN),
        "--now",
        "2026-03-02",
        "--policy",
        str(written("[shown]\nmuted = ['observe-1h']\n")),
    )
    assert re.search(r"fired +observe-1h +muted by the site policy", result.output)
    assert "Observe during" not in result.output
