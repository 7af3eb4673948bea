"""What codes and names mean: the value sets as the rest of the service asks them."""

from __future__ import annotations

import importlib.resources
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin import codes, concepts
from plugin.medicines import Coding, Medicine

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
ATC = "http://www.whocc.no/atc"
NDC = "http://hl7.org/fhir/sid/ndc"
CVX = "http://hl7.org/fhir/sid/cvx"
HGNC = "http://www.genenames.org/geneId"
MDC = "urn:iso:std:iso:11073:10101"
NCIT = "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl"
OURS = "http://example.org/fhir/inotuzumab-cds/CodeSystem/inotuzumab-cds"

ZERO_WIDTH = "\N{ZERO WIDTH SPACE}"
SOFT_HYPHEN = "\N{SOFT HYPHEN}"


def of_text(*texts: str) -> Medicine:
    return codes.medicine([], texts)


# --- codes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "code", "concept"),
    [
        ("http://loinc.org", "1975-2", concepts.BILIRUBIN_TOTAL),
        ("http://loinc.org/", "1975-2", concepts.BILIRUBIN_TOTAL),
        ("https://loinc.org", " 1975-2 ", concepts.BILIRUBIN_TOTAL),
        ("HTTP://LOINC.ORG", "1975-2", concepts.BILIRUBIN_TOTAL),
        ("urn:oid:2.16.840.1.113883.6.1", "1975-2", concepts.BILIRUBIN_TOTAL),
        ("urn:oid:2.16.840.1.113883.6.96", "27503000", concepts.GILBERT),
        ("urn:oid:2.16.840.1.113883.6.88", "26225", concepts.QT_DRUGS_B),
        ("urn:oid:2.16.840.1.113883.6.90", "C91.02", concepts.B_ALL_IN_RELAPSE),
        ("urn:oid:2.16.840.1.113883.6.69", "0008-0100-01", concepts.INOTUZUMAB_OZOGAMICIN),
        ("urn:oid:2.16.840.1.113883.6.73", "L01FB01", concepts.INOTUZUMAB_OZOGAMICIN),
        ("urn:oid:2.16.840.1.113883.12.292", "21", concepts.LIVE_VIRAL_VACCINES),
        ("https://www.meddra.org", "10051792", concepts.INFUSION_REACTION),
        ("http://ncimeta.nci.nih.gov", "C38276", concepts.IV_ROUTES),
        ("http://www.genenames.org", "HGNC:76", concepts.BCR_OR_ABL_GENE),
    ],
)
def test_a_code_system_is_known_by_all_its_names(system: str, code: str, concept: str) -> None:
    assert concept in codes.means([(system, code)])


@pytest.mark.parametrize(
    ("system", "code", "concept"),
    [
        (ICD, "C9102", concepts.B_ALL_IN_RELAPSE),
        (ICD, "c91.02", concepts.B_ALL_IN_RELAPSE),
        (NDC, "00008-0100-01", concepts.INOTUZUMAB_OZOGAMICIN),
        (NDC, "00008010001", concepts.INOTUZUMAB_OZOGAMICIN),
        (NDC, "0008010001", concepts.INOTUZUMAB_OZOGAMICIN),
        (CVX, "3", concepts.LIVE_VIRAL_VACCINES),
        (HGNC, "1014", concepts.BCR_OR_ABL_GENE),
        (MDC, "146964", concepts.QTC_FRIDERICIA),
        (MDC, "2:15892", concepts.QTC_FRIDERICIA),
        (MDC, "mdc_ecg_time_pd_qtcf", concepts.QTC_FRIDERICIA),
    ],
)
def test_a_code_is_known_in_all_its_spellings(system: str, code: str, concept: str) -> None:
    assert concept in codes.means([(system, code)])


def test_a_code_without_its_system_means_nothing() -> None:
    assert codes.means([("", "1975-2"), (SNOMED, "1975-2"), (LOINC, ""), ("", "")]) == frozenset()
    assert codes.means([]) == frozenset()


def test_an_unknown_code_means_nothing() -> None:
    assert codes.means([(LOINC, "2345-7"), ("http://hospital.example/codes", "BILI")]) == frozenset()


def test_one_code_may_mean_several_things_and_several_codes_mean_them_all() -> None:
    assert codes.means([(LOINC, "57021-8")]) == {concepts.CBC_PANELS, concepts.CBC_WITH_DIFFERENTIAL}
    both = codes.means([("http://hospital.example/codes", "X"), (LOINC, "1742-6"), (LOINC, "1920-8")])
    assert both == {concepts.ALT, concepts.AST}


@pytest.mark.parametrize(
    ("system", "code", "concept"),
    [
        (ATC, "H02AB02", concepts.CORTICOSTEROIDS),
        (ATC, "R06AX13", concepts.ANTIHISTAMINES),
        (ATC, "C03CA01", concepts.LOOP_DIURETICS),
        (ATC, "L01EA06", concepts.BCR_ABL1_INHIBITORS),
        (ATC, "L01ZZ99", concepts.ANTINEOPLASTICS),
        (ATC, "L01", concepts.ANTINEOPLASTICS),
        (ICD, "A41.51", concepts.SEPSIS),
        (ICD, "A4151", concepts.SEPSIS),
        (ICD, "J13", concepts.SERIOUS_INFECTION),
        (ICD, "J18.9", concepts.SERIOUS_INFECTION),
        (ICD, "I61.9", concepts.BLEEDING),
        (ICD, "D70.3", concepts.NEUTROPENIA_D70),
    ],
)
def test_a_class_of_codes_is_meant_by_all_that_begin_so(system: str, code: str, concept: str) -> None:
    assert concept in codes.means([(system, code)])


def test_a_class_of_codes_is_not_meant_by_its_neighbours() -> None:
    assert (
        codes.means([(ATC, "H02AA02"), (ATC, "L02BG04"), (ICD, "J11.1"), (ICD, "A42.7"), (ICD, "D7")])
        == frozenset()
    )
    assert codes.means([(SNOMED, "L01FB99"), (LOINC, "A41.9")]) == frozenset()


def test_a_set_that_includes_another_is_meant_by_the_codes_of_that() -> None:
    assert codes.means([(OURS, "hold-hepatic")]) == {concepts.HOLD_HEPATIC, concepts.HOLD_TOXICITY}
    assert codes.means([(NCIT, "C143205")]) == {concepts.VOD_EVENT, concepts.VOD_SOS}
    assert concepts.ANTINEOPLASTICS in codes.means([(RXNORM, "1828")])


def test_inotuzumab_ozogamicin_is_no_other_antineoplastic() -> None:
    for code in ("L01FB01", "L01XC26"):
        assert codes.means([(ATC, code)]) & {concepts.ANTINEOPLASTICS, concepts.INOTUZUMAB_OZOGAMICIN} == {
            concepts.INOTUZUMAB_OZOGAMICIN
        }
    assert concepts.ANTINEOPLASTICS not in of_text("Besponsa").means
    assert concepts.ANTINEOPLASTICS not in codes.named("inotuzumab ozogamicin")


def test_remission_proper_is_told_from_remission_of_either_kind() -> None:
    either = {concepts.RESPONSE_CR, concepts.MARROW_STABLE_OR_BETTER}
    assert codes.means([(OURS, "CR")]) == either | {concepts.RESPONSE_CR_PROPER}
    assert codes.means([(OURS, "CRi")]) == either
    assert codes.means([(SNOMED, "550991000124107")]) == either
    assert codes.means([(OURS, "NR")]) == {concepts.RESPONSE_NONE}


def test_stable_disease_is_no_remission_but_not_worse() -> None:
    stable = {concepts.RESPONSE_NONE, concepts.MARROW_STABLE_OR_BETTER}
    assert codes.means([(SNOMED, "359746009")]) == stable
    assert codes.means([(LOINC, "LA28371-5")]) == stable
    assert codes.means([(SNOMED, "271299001")]) == {concepts.RESPONSE_NONE}
    assert codes.means([(SNOMED, "268910001")]) == {concepts.MARROW_STABLE_OR_BETTER}
    assert codes.means([(SNOMED, "709137006")]) == frozenset()  # undetermined says nothing


def test_neutropenia_without_fever_is_no_infection() -> None:
    neutropenia = codes.means([(ICD, "D70.1")])
    assert concepts.NEUTROPENIA_D70 in neutropenia
    assert concepts.FEBRILE_NEUTROPENIA not in neutropenia
    assert codes.means([(ICD, "R50.81")]) == {concepts.FEVER_R5081}


def test_an_abnormal_ecg_is_no_prolonged_qt() -> None:
    assert codes.means([(ICD, "R94.31")]) == {concepts.ABNORMAL_ECG}


def test_bands_are_told_from_neutrophils() -> None:
    assert codes.means([(LOINC, "770-8")]) == {concepts.NEUTROPHIL_PERCENT}
    assert codes.means([(LOINC, "764-1")]) == {concepts.NEUTROPHIL_BANDS_PERCENT}


def test_a_tuberculin_test_is_no_live_viral_vaccine() -> None:
    assert codes.means([(CVX, "95"), (CVX, "19"), (CVX, "25"), (CVX, "187")]) == frozenset()


def test_an_atc_class_tells_a_live_viral_vaccine_from_another() -> None:
    assert codes.means([(ATC, "J07BK02")]) == {concepts.LIVE_VIRAL_VACCINES}
    assert (
        codes.means([(ATC, "J07BK03"), (ATC, "J07BF03"), (ATC, "J07BN01"), (ATC, "J07AN01")]) == frozenset()
    )


@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30))))
def test_no_code_is_too_strange_to_be_asked(strange: list[tuple[str, str]]) -> None:
    assert codes.means(strange) <= set(codes.concepts())


# --- medicines by code ---------------------------------------------------------------------------------------


def test_a_medicine_is_named_by_its_ingredient_whatever_the_sender_calls_it() -> None:
    found = codes.medicine([(RXNORM, "26225", "")], ["the white one"])
    assert found.name == "ondansetron"
    assert found.means == {concepts.QT_DRUGS_B}


def test_the_code_of_a_product_is_unknown_but_its_name_is_not() -> None:
    product = (RXNORM, "312086", "ondansetron 4 MG Oral Tablet")
    assert codes.means([product[:2]]) == frozenset()
    assert codes.medicine([product]) == codes.medicine([(RXNORM, "26225", "")])


def test_a_name_brings_the_classes_that_only_the_codes_know() -> None:
    assert of_text("bortezomib 3.5 mg").means == {concepts.ANTINEOPLASTICS, concepts.QT_DRUGS_B}
    assert of_text("Sprycel 100 mg").means == {
        concepts.ANTINEOPLASTICS, concepts.BCR_ABL1_INHIBITORS, concepts.QT_DRUGS_B,
    }  # fmt: skip


def test_a_code_of_a_class_means_the_class_though_the_drug_is_unknown() -> None:
    found = codes.medicine([(ATC, "L01ZZ99", "investigational")], [])
    assert found == Medicine("investigational", frozenset({concepts.ANTINEOPLASTICS}))


def test_codes_name_a_medicine_before_words_do() -> None:
    found = codes.medicine([(RXNORM, "3264", "dexamethasone")], ["ondansetron with dexamethasone"])
    assert found.name == "dexamethasone / ondansetron"
    assert {concepts.CORTICOSTEROIDS, concepts.QT_DRUGS_B} <= found.means


def test_an_unknown_medicine_keeps_what_was_written() -> None:
    assert of_text("", "  study   drug 17 ", "later") == Medicine("study drug 17")
    assert codes.medicine([("http://hospital.example", "x", "Tablet")], []) == Medicine("Tablet")
    assert codes.medicine([], []) == Medicine("")


# --- medicines by name ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "ingredient"),
    [
        ("Zofran 8 mg IV", "ondansetron"),
        ("ZOFRAN™ ODT", "ondansetron"),
        ("Zofran® (ondansetron hydrochloride) 4 mg", "ondansetron"),
        ("ondansetron8mg", "ondansetron"),
        ("ondansetron_8mg", "ondansetron"),
        ("Ondansétron", "ondansetron"),
        ("ｏｎｄａｎｓｅｔｒｏｎ", "ondansetron"),
        (f"ondan{ZERO_WIDTH}setron", "ondansetron"),
        (f"on{SOFT_HYPHEN}dan{SOFT_HYPHEN}setron 8 mg", "ondansetron"),
        (f"ondansetron{ZERO_WIDTH}hydrochloride", "ondansetron"),
        ("Levaquin", "levofloxacin"),
        ("Diflucan", "fluconazole"),
        ("Vfend", "voriconazole"),
        ("Noxafil", "posaconazole"),
        ("Haldol", "haloperidol"),
        ("Dolophine", "methadone"),
        ("Cordarone", "amiodarone"),
        ("Pacerone", "amiodarone"),
        ("Celexa", "citalopram"),
        ("Lexapro", "escitalopram"),
        ("Zoloft", "sertraline"),
        ("Zithromax", "azithromycin"),
        ("salbutamol inhaler", "albuterol"),
        ("leuprorelin", "leuprolide"),
        ("paracetamol 1 g", "acetaminophen"),
        ("hydroxycarbamide", "hydroxyurea"),
        ("torasemide", "torsemide"),
        ("Solu-Medrol 40 mg", "methylprednisolone"),
        ("SODIUM POLYSTYRENE SULFONATE 15 g/60 mL", "sodium polystyrene sulfonate"),
        ("arsenic trioxide", "arsenic trioxide"),
        ("BESPONSA 0.9 mg", "inotuzumab ozogamicin"),
        ("inotuzumab", "inotuzumab ozogamicin"),
        ("gemtuzumab ozogamicin", "gemtuzumab ozogamicin"),
        ("M-M-R II vaccine", "measles, mumps and rubella vaccine"),
    ],
)
def test_a_medicine_is_known_by_its_names(text: str, ingredient: str) -> None:
    assert of_text(text).name == ingredient


@pytest.mark.parametrize(
    ("text", "never"),
    [
        ("ofloxacin 400 mg", concepts.QT_DRUGS_B),  # ends as levofloxacin does
        ("levocitalopramol", concepts.QT_DRUGS_B),
        ("ondansetr", concepts.QT_DRUGS_B),
        ("ozogamicin", concepts.INOTUZUMAB_OZOGAMICIN),
        ("gemtuzumab ozogamicin", concepts.INOTUZUMAB_OZOGAMICIN),
        ("hydrocortisone", concepts.ANTIHISTAMINES),
        ("sodium bicarbonate", concepts.QT_DRUGS_C),
        ("levoleucovorin", concepts.ANTINEOPLASTICS),
    ],
)
def test_part_of_a_name_is_no_name(text: str, never: str) -> None:
    assert never not in of_text(text).means


def test_escitalopram_is_not_citalopram() -> None:
    assert of_text("escitalopram 10 mg").name == "escitalopram"
    assert of_text("citalopram 10 mg").name == "citalopram"


def test_a_mixture_means_all_its_ingredients() -> None:
    found = of_text("artemether 20 mg / lumefantrine 120 mg")
    assert found.name == "artemether / lumefantrine"
    assert of_text("Coartem") == found


def test_of_a_mixture_the_strongest_warned_drug_is_the_qt_drug() -> None:
    def drug(text: str) -> str | None:
        found = of_text(text).qt
        return found.name if found else None

    assert drug("amitriptyline / perphenazine / haloperidol") == "haloperidol"  # A before C
    assert drug("ondansetron, sertraline") == "ondansetron"  # of B the high tier first
    assert drug("cyclophosphamide and donepezil") == "donepezil"  # C with an alert before B without
    assert drug("saline") is None


def test_the_diluent_is_no_ingredient() -> None:
    found = of_text("ondansetron 8 mg in sodium chloride 0.9 % 50 mL")
    assert found.name == "ondansetron"
    assert concepts.EXCIPIENTS not in found.means


@pytest.mark.parametrize(
    ("concept", "first"),
    [
        (concepts.CORTICOSTEROIDS, "dexamethasone"),
        (concepts.ANTIPYRETICS, "acetaminophen"),
        (concepts.ANTIHISTAMINES, "diphenhydramine"),
    ],
)
def test_every_name_of_a_premedication_class_is_known(concept: str, first: str) -> None:
    listed = codes.codings(concept)
    assert listed[0].display == first
    for coding in listed:
        assert concept in of_text(f"{coding.display.upper()} 1 dose").means


# --- the QT interval -----------------------------------------------------------------------------------------


def test_ondansetron_is_warned_of_and_can_be_replaced() -> None:
    drug = of_text("ondansetron").qt
    assert drug is not None
    assert (drug.category, drug.tier, drug.alert, drug.verified) == ("B", "high", True, True)
    assert drug.alternative.startswith("palonosetron")
    assert drug.replacement == Coding(ATC, "A04AA05", "palonosetron")


def test_the_drug_itself_is_listed_but_never_warned_of() -> None:
    drug = of_text("inotuzumab ozogamicin").qt
    assert drug is not None
    assert not drug.alert


def test_a_drug_labelled_without_qt_effect_is_no_qt_drug() -> None:
    found = of_text("palbociclib")
    assert found.qt is None
    assert concepts.NO_RELEVANT_QT_EFFECT in found.means


def test_no_drug_is_both_a_qt_drug_and_free_of_qt_effect() -> None:
    free = {coding.display for coding in codes.codings(concepts.NO_RELEVANT_QT_EFFECT)}
    for listed in (concepts.QT_DRUGS_A, concepts.QT_DRUGS_B, concepts.QT_DRUGS_C):
        assert not free & {coding.display for coding in codes.codings(listed)}


def test_a_replacement_is_itself_no_qt_drug() -> None:
    displays = {
        c.display
        for s in (concepts.QT_DRUGS_A, concepts.QT_DRUGS_B, concepts.QT_DRUGS_C)
        for c in codes.codings(s)
    }
    offered = {drug.replacement for d in displays if (drug := of_text(d).qt) and drug.replacement}
    assert {"palonosetron", "isavuconazole", "doxycycline", "lorazepam"} <= {
        other.display for other in offered
    }
    for other in offered:
        assert codes.medicine([(other.system, other.code, other.display)], []).qt is None


# --- allergies and events by name ----------------------------------------------------------------------------


def test_the_excipients_are_known_by_name() -> None:
    for text in (
        "Polysorbate 80",
        "polysorbate-80",
        "sucrose",
        "sodium chloride",
        "trometamol",
        "Tromethamine",
    ):
        assert codes.named(text) == {concepts.EXCIPIENTS}


def test_iron_sucrose_is_not_sucrose() -> None:
    assert codes.named("iron sucrose") == frozenset()
    assert codes.named("iron sucrose", "sucrose") == {concepts.EXCIPIENTS}
    assert codes.named("iron sucrose and sucrose") == {concepts.EXCIPIENTS}


def test_events_are_known_by_name() -> None:
    assert codes.named("Infusion-related reaction, grade 2") == {concepts.INFUSION_REACTION}
    assert codes.named("anaphylaxis") == {concepts.ANAPHYLAXIS_EVENT, concepts.INFUSION_REACTION}
    assert codes.named("Platelet count decreased") == {concepts.AE_HAEMATOLOGICAL}
    assert codes.named("blood bilirubin increased") == {concepts.AE_LIVER_TESTS}
    assert codes.named("veno-occlusive disease of the liver") == {concepts.VOD_EVENT, concepts.VOD_SOS}


def test_a_description_of_a_code_is_no_name() -> None:
    assert (
        codes.named("total bilirubin, mass", "cirrhosis of liver", "other specified disease of the liver")
        == frozenset()
    )


def test_an_event_is_no_medicine() -> None:
    assert of_text("anaphylaxis kit").means == frozenset()


# --- hostile text --------------------------------------------------------------------------------------------


def test_of_a_very_long_text_only_the_beginning_is_read() -> None:
    before, after = "x " * 100 + "ondansetron", "x " * codes.MOST_TEXT + "ondansetron"
    assert codes.named(before) == {concepts.QT_DRUGS_B}
    assert codes.named(after) == frozenset()


def test_a_word_cut_short_is_not_read() -> None:
    text = "x" * (codes.MOST_TEXT - len(" sodium chloride")) + " sodium chlorides"
    assert codes.named(text) == frozenset()


@pytest.mark.parametrize(
    "text",
    [
        "ondansetron " * 100_000,
        "sodium " * 100_000,
        ZERO_WIDTH * 1_000_000,
        "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 100_000,  # one character that becomes eighteen
        "e" + "\N{COMBINING ACUTE ACCENT}" * 1_000_000,
        "\x00\ud800" * 1_000,
    ],
)
def test_hostile_text_costs_little(text: str) -> None:
    codes.named("warm")
    start = time.perf_counter()
    codes.named(text)
    of_text(text)
    assert time.perf_counter() - start < 0.5


@given(st.lists(st.text(max_size=80), max_size=5))
def test_no_text_is_too_strange_to_be_read(texts: list[str]) -> None:
    assert codes.named(*texts) <= set(codes.concepts())
    assert len(of_text(*texts).name) <= codes.MOST_TEXT


@given(st.text(max_size=40), st.text(max_size=40))
def test_words_around_a_name_do_not_hide_it(before: str, after: str) -> None:
    assert concepts.QT_DRUGS_A in codes.named(f"{before} haloperidol {after}")


# --- from concepts to codes ----------------------------------------------------------------------------------


def test_a_search_asks_for_every_listed_code_once_and_in_order() -> None:
    assert codes.search(concepts.POTASSIUM, concepts.MAGNESIUM, concepts.POTASSIUM) == (
        "http://loinc.org|2823-3,http://loinc.org|6298-4,http://loinc.org|19123-9,http://loinc.org|2601-3"
    )


def test_a_search_leaves_out_what_cannot_be_asked_for() -> None:
    assert codes.search(concepts.NEUTROPENIA_D70) == ""
    assert "L01," not in codes.search(concepts.ANTINEOPLASTICS)


def test_an_unknown_concept_is_an_error_and_not_an_empty_answer() -> None:
    with pytest.raises(KeyError):
        codes.search("bilirubin")
    with pytest.raises(KeyError):
        codes.codings("")


def test_every_listed_code_means_the_set_that_lists_it() -> None:
    for concept in codes.concepts():
        for system, code, _ in codes.codings(concept):
            assert concept in codes.means([(system, code)]), (concept, system, code)


def test_the_codings_of_a_set_hold_those_of_the_sets_within_it() -> None:
    whole = codes.codings(concepts.HOLD_TOXICITY)
    assert set(codes.codings(concepts.HOLD_HEPATIC)) < set(whole)
    assert len(whole) == len(set(whole))


def test_card_topics_have_words() -> None:
    assert [codes.topic(code) for code in ("dose", "liver", "qt")] == ["Dose", "Liver", "QT and interactions"]


# --- reading the files ---------------------------------------------------------------------------------------


def test_the_files_are_read_from_the_checkout_where_they_are_not_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def absent(package: str) -> Path:
        raise ModuleNotFoundError(package)

    packaged = codes.concepts()
    monkeypatch.setattr(importlib.resources, "files", absent)
    codes._known.cache_clear()
    try:
        assert codes.concepts() == packaged
    finally:
        codes._known.cache_clear()


def test_the_files_are_read_quickly() -> None:
    codes._known.cache_clear()
    start = time.perf_counter()
    codes.concepts()
    assert time.perf_counter() - start < 0.5  # some 30 ms here; the bound is for a busy machine


# --- check ---------------------------------------------------------------------------------------------------


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packaged files, to be spoilt."""
    for file in Path(str(importlib.resources.files("fhir_profiles"))).glob("*.json"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def spoil(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1))


def test_the_packaged_files_are_sound(copy: Path) -> None:
    assert codes.check() == []
    assert codes.check(copy) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "problem"),
    [
        ("ValueSet-alt.json", '"id": "alt"', '"id": "ALT"', "holds what belongs into ValueSet-ALT.json"),
        ("ValueSet-alt.json", "1742-6", "1742-7", "the check digit of http://loinc.org|1742-7 is wrong"),
        ("ValueSet-gilbert.json", "27503000", "27530000", "the check digit of http://snomed.info/sct|27530000"),
        ("ValueSet-alt.json", "1743-4", "1742-6", "lists http://loinc.org|1742-6 twice"),
        ("ValueSet-alt.json", '"display": "ALT"', '"display": " "', "http://loinc.org|1742-6 has no display"),
        ("ValueSet-alt.json", "code-verified", "code-checked", "does not say where it was seen"),
        ("ValueSet-alt.json", "/ValueSet/alt", "/ValueSet/alat", "has the url"),
        ("ValueSet-vod-sos.json", "vod-event", "vod-events", "speaks of vod-events, which is not here"),
        ("ValueSet-sepsis.json", "is-a", "descendent-of", "has a filter that is not understood"),
        ("ValueSet-hold-other.json", "hold-logistics", "hold-weather", "which our code system does not define"),
        ("ValueSet-bcr-abl1-inhibitors.json", '"dasatinib"', '"dasatinibum"', "is called both"),
        ("ValueSet-qt-drugs-b.json", '"ondansetron"', '"ondansetrone"', "ondansetrone has codes as a QT drug"),
        ("CodeSystem-qt-drugs.json", '"valueCode": "A"', '"valueCode": "C"', "but its codes are in ['qt-drugs-a']"),
        ("CodeSystem-qt-drugs.json", '"valueCode": "moderate"', '"valueCode": "middling"', "has the tier middling"),
        ("ValueSet-alt.json", '"compose"', '"composed"', "ValueSet-alt.json cannot be read: KeyError 'compose'"),
        ("ValueSet-alt.json", "{", "", "ValueSet-alt.json cannot be read: JSONDecodeError"),
    ],
)  # fmt: skip
def test_a_broken_file_is_named(copy: Path, name: str, old: str, new: str, problem: str) -> None:
    spoil(copy, name, old, new)
    assert any(problem in said for said in codes.check(copy)), codes.check(copy)


def test_a_set_without_a_name_and_a_name_without_a_set_are_named(copy: Path) -> None:
    (copy / "ValueSet-alt.json").unlink()
    spoil(copy, "ValueSet-ast.json", '"id": "ast"', '"id": "got"')
    spoil(copy, "ValueSet-ast.json", "/ValueSet/ast", "/ValueSet/got")
    (copy / "ValueSet-ast.json").rename(copy / "ValueSet-got.json")
    assert codes.check(copy) == [
        "plugin.concepts.ALT has no value set alt.",
        "plugin.concepts.AST has no value set ast.",
        "ValueSet got has no name in plugin.concepts.",
    ]
