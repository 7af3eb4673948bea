"""Translates codes and names into concepts, and concepts into codes, by the value sets of `fhir_profiles`.

The files are the only home of codes; they are read once, at the first question. Three rules join them:

* a code means every value set that lists it, or whose `is-a` filter is a prefix of it (ATC and ICD-10-CM are
  built so), or that includes such a set by its canonical; `exclude` takes out again;
* in a set with the extension `matched-by-name` (drug, substance or event) a display is the name of a thing, and
  its designations are further names; one display is one thing, wherever it stands. A name that a set excludes
  hides the names inside it: "iron sucrose" is not sucrose;
* a drug that prolongs QT is the concept of CodeSystem `qt-drugs` with that display.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

from plugin import concepts as vocabulary
from plugin.concepts import BASE, Concept
from plugin.medicines import Coding, Medicine, QtDrug

Json = dict[str, Any]
Key = tuple[str, str]  # a system and a code, both in one spelling
K = TypeVar("K")

OURS = "inotuzumab-cds"
TOPICS = "inotuzumab-cds-topic"
QT_DRUGS = "qt-drugs"
TIERS = ("high", "moderate", "low")
DRUG = "drug"
MOST_TEXT = 1000  # characters of one text that are read for names


# --- questions -------------------------------------------------------------------------------------------


def means(codings: Iterable[tuple[str, str]]) -> frozenset[Concept]:
    """The value sets that any of these (system, code) belongs to."""
    known = _known()
    return frozenset().union(
        *(known.codes.means(key) for system, code in codings for key in _keys(system, code))
    )


def named(*texts: str) -> frozenset[Concept]:
    """The value sets of the drugs, substances and events whose names stand in these texts as whole words.

    Not for sentences: "no ondansetron" names ondansetron.
    """
    known = _known()
    return frozenset().union(*(known.names.things[name].means for name in known.names.spoken(texts)))


def medicine(codings: Iterable[tuple[str, str, str]], texts: Iterable[str] = ()) -> Medicine:
    """The medicine of an order: of its (system, code, display), and of the names in its displays and texts.

    A name counts as much as a code, because a product has another code than its ingredient. A mixture means
    what all of its ingredients mean; its QT drug is one that is warned of before one that is not, and then the
    strongest. Of an unknown medicine the name is the first text given, else the first display, else "".
    """
    known = _known()
    meant: set[Concept] = set()
    ingredients: dict[str, None] = {}  # in the order found
    said = [text for text in texts if text.strip()]
    for system, code, display in codings:
        for key in _keys(system, code):
            meant |= known.codes.means(key)
            if ingredient := known.ingredients.get(key):
                ingredients[ingredient] = None
        if display.strip():
            said.append(display)
    ingredients |= dict.fromkeys(name for name in known.names.spoken(said) if known.names.things[name].drug)
    things = [known.names.things[name] for name in ingredients]
    meant.update(*(thing.means for thing in things))
    written = " ".join(next(iter(said), "").split())[:MOST_TEXT]
    return Medicine(
        name=" / ".join(ingredients) or written,
        means=frozenset(meant),
        qt=min((thing.qt for thing in things if thing.qt), key=_strength, default=None),
    )


def search(*concepts: Concept) -> str:
    """The codes of these value sets as a FHIR token search, `system|code,system|code`, each once.

    A filter (all of ATC L01) cannot be searched for and is left out. KeyError if there is no such set.
    """
    return ",".join(dict.fromkeys(f"{c.system}|{c.code}" for concept in concepts for c in codings(concept)))


def codings(concept: Concept) -> tuple[Coding, ...]:
    """The codes that a value set lists, in the order of the file. KeyError if there is no such set."""
    return _known().codings[concept]


def concepts() -> tuple[Concept, ...]:
    """Every value set there is, in alphabetical order."""
    return tuple(sorted(_known().codings))


def topic(code: str) -> str:
    """The words for a card topic. KeyError if there is no such topic."""
    return _known().topics[code]


def _strength(drug: QtDrug) -> tuple[bool, str, int]:
    return not drug.alert, drug.category, TIERS.index(drug.tier)


# --- spellings -------------------------------------------------------------------------------------------

# The other names of code systems that senders use, most of them from the NamingSystems of HL7 Terminology.
_SYSTEMS = {
    "urn:oid:2.16.840.1.113883.6.1": "http://loinc.org",
    "urn:oid:2.16.840.1.113883.6.96": "http://snomed.info/sct",
    "urn:oid:2.16.840.1.113883.6.88": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "urn:oid:2.16.840.1.113883.6.90": "http://hl7.org/fhir/sid/icd-10-cm",
    "http://terminology.hl7.org/codesystem/icd10cm": "http://hl7.org/fhir/sid/icd-10-cm",
    "urn:oid:2.16.840.1.113883.6.4": "http://www.cms.gov/medicare/coding/icd10",
    "http://terminology.hl7.org/codesystem/icd10pcs": "http://www.cms.gov/medicare/coding/icd10",
    "urn:oid:2.16.840.1.113883.6.69": "http://hl7.org/fhir/sid/ndc",
    "urn:oid:2.16.840.1.113883.6.73": "http://www.whocc.no/atc",
    "http://fhir.de/codesystem/bfarm/atc": "http://www.whocc.no/atc",
    "urn:oid:2.16.840.1.113883.12.292": "http://hl7.org/fhir/sid/cvx",
    "http://terminology.hl7.org/codesystem/cvx": "http://hl7.org/fhir/sid/cvx",
    "urn:oid:2.16.840.1.113883.4.9": "http://fdasis.nlm.nih.gov",
    "urn:oid:2.16.840.1.113883.6.285": "http://www.cms.gov/medicare/coding/hcpcsreleasecodesets",
    "urn:oid:2.16.840.1.113883.6.24": "urn:iso:std:iso:11073:10101",
    "urn:oid:2.16.840.1.113883.3.26.1.1": "http://ncicb.nci.nih.gov/xml/owl/evs/thesaurus.owl",
    "http://ncimeta.nci.nih.gov": "http://ncicb.nci.nih.gov/xml/owl/evs/thesaurus.owl",
    "urn:oid:2.16.840.1.113883.6.163": "http://terminology.hl7.org/codesystem/mdrae",
    "urn:oid:2.16.840.1.113883.6.163.1": "http://terminology.hl7.org/codesystem/mdrae",
    "http://terminology.hl7.org/codesystem/mdr": "http://terminology.hl7.org/codesystem/mdrae",
    "http://www.meddra.org": "http://terminology.hl7.org/codesystem/mdrae",
    "urn:oid:2.16.840.1.113883.6.281": "http://www.genenames.org/geneid",
    "http://www.genenames.org": "http://www.genenames.org/geneid",
    "urn:oid:0.4.0.127.0.16.1.1.2.1": "http://standardterms.edqm.eu",
    "urn:oid:2.16.840.1.113883.5.112": "http://terminology.hl7.org/codesystem/v3-routeofadministration",
    "urn:oid:2.16.840.1.113883.5.4": "http://terminology.hl7.org/codesystem/v3-actcode",
    "urn:oid:2.16.840.1.113883.18.80": "http://terminology.hl7.org/codesystem/v2-0162",
    "urn:oid:2.16.840.1.113883.18.83": "http://terminology.hl7.org/codesystem/v2-0165",
}
NDC_SEGMENTS = (5, 4, 2)  # labeler, product, package in the 11-digit form


def _keys(system: str, code: str) -> tuple[Key, ...]:
    """A code in one spelling of system and code; more than one where it can be read in several ways."""
    system = system.strip().lower().replace("https://", "http://", 1).rstrip("/")
    system = _SYSTEMS.get(system, system)
    code = code.strip().upper()
    spell = _SPELLINGS.get(system)
    return tuple((system, spelt) for spelt in spell(code)) if spell else ((system, code),)


def _undotted(code: str) -> tuple[str, ...]:
    return (code.replace(".", ""),)


def _eleven_digits(code: str) -> tuple[str, ...]:
    """An NDC in the 11-digit form: of ten digits without hyphens, any segment may be the one that is short."""
    segments = code.split("-")
    if len(segments) == len(NDC_SEGMENTS):
        return ("".join(part.zfill(size) for part, size in zip(segments, NDC_SEGMENTS, strict=True)),)
    if len(code) == sum(NDC_SEGMENTS) - 1:
        return (f"0{code}", f"{code[:5]}0{code[5:]}", f"{code[:9]}0{code[9:]}")
    return (code,)


def _two_digits(code: str) -> tuple[str, ...]:
    return (code.zfill(2),)


def _with_hgnc(code: str) -> tuple[str, ...]:
    return (f"HGNC:{code}" if code.isdecimal() else code,)


_SPELLINGS: Mapping[str, Callable[[str], tuple[str, ...]]] = {
    "http://hl7.org/fhir/sid/icd-10-cm": _undotted,
    "http://hl7.org/fhir/sid/ndc": _eleven_digits,
    "http://hl7.org/fhir/sid/cvx": _two_digits,
    "http://www.genenames.org/geneid": _with_hgnc,
}

_WORD = re.compile(r"[^\W\d_]+|\d+")  # "8mg" is two words, so that "ondansetron8mg" names its drug
_MARKS = str.maketrans(dict.fromkeys("™℠®©", " "))  # before NFKD, which would write "TM" onto the name


def _words(text: str) -> Iterator[list[str]]:
    """The words of a text in lower case without accents.

    An invisible character is nothing in one reading, and parts two words in the other: two readings if there are any.
    """
    if len(text) > MOST_TEXT:
        text = text[:MOST_TEXT].rpartition(" ")[0]  # a word cut short could be another word
    plain = unicodedata.normalize("NFKD", text.translate(_MARKS)).casefold()
    categories = {char: unicodedata.category(char) for char in set(plain)}
    bare = "".join(char for char in plain if categories[char] not in ("Mn", "Cf"))
    yield _WORD.findall(bare)
    if "Cf" in categories.values():
        parted = "".join(
            " " if categories[char] == "Cf" else char for char in plain if categories[char] != "Mn"
        )
        yield _WORD.findall(parted)


def _folded(name: str) -> str:
    return " ".join(next(_words(name)))


# --- what the files say, all together ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _ValueSet:
    """One file. `own` and `barred` are listed codes with their further names; `filters` are (system, prefix)."""

    id: Concept
    kind: str
    own: tuple[tuple[Coding, tuple[str, ...]], ...]
    barred: tuple[tuple[Coding, tuple[str, ...]], ...]
    filters: tuple[Key, ...]
    includes: tuple[Concept, ...]
    excludes: tuple[Concept, ...]


@dataclass(frozen=True, slots=True)
class _Codes:
    """From a code to the value sets that it belongs to."""

    listed: Mapping[Key, frozenset[Concept]]
    prefixes: Mapping[str, Mapping[str, frozenset[Concept]]]  # system -> prefix -> sets
    barred: Mapping[Key, frozenset[Concept]]

    def means(self, key: Key) -> frozenset[Concept]:
        system, code = key
        found = self.listed.get(key, frozenset())
        if prefixes := self.prefixes.get(system):
            longest = min(len(code), max(map(len, prefixes)))
            found = found.union(*(prefixes.get(code[:n], ()) for n in range(1, longest + 1)))
        return found - self.barred.get(key, frozenset())


@dataclass(frozen=True, slots=True)
class _Thing:
    """A drug, substance or event that can be named."""

    means: frozenset[Concept]
    drug: bool
    qt: QtDrug | None


@dataclass(frozen=True, slots=True)
class _Names:
    """From words to the things that they name; a thing is known by its display."""

    things: Mapping[str, _Thing]
    names: Mapping[str, tuple[str, ...]]  # folded name -> displays; none for a name that only hides others
    longest: Mapping[str, int]  # first word of a name -> words of the longest name that begins so

    def spoken(self, texts: Iterable[str]) -> dict[str, None]:
        """The things named in these texts, in the order of their first mention."""
        found = (name for text in texts for words in _words(text) for name in self._within(words))
        return dict.fromkeys(display for name in found for display in self.names[name])

    def _within(self, words: list[str]) -> Iterator[str]:
        """The longest name from each word on, unless it lies within another."""
        end = 0
        for start, word in enumerate(words):
            most = min(len(words), start + self.longest.get(word, 0))
            for stop in range(most, max(start, end), -1):
                if (name := " ".join(words[start:stop])) in self.names:
                    yield name
                    end = stop
                    break


@dataclass(frozen=True, slots=True)
class _Known:
    codings: Mapping[Concept, tuple[Coding, ...]]
    codes: _Codes
    names: _Names
    ingredients: Mapping[Key, str]
    topics: Mapping[str, str]


@cache
def _known() -> _Known:
    folder = _folder()
    sets = {found.id: found for found in map(_value_set, _files(folder, "ValueSet"))}
    within = {concept: _closure(concept, sets) for concept in sets}
    codes = _codes(sets, within)
    drugs = [coding for found in sets.values() if found.kind == DRUG for coding, _ in found.own]
    return _Known(
        codings={c: tuple(dict.fromkeys(own for w in within[c] for own, _ in sets[w].own)) for c in sets},
        codes=codes,
        names=_names(sets.values(), codes, _file(folder, f"CodeSystem-{QT_DRUGS}.json")["concept"]),
        ingredients={key: drug.display for drug in drugs for key in _keys(drug.system, drug.code)},
        topics={c["code"]: c["display"] for c in _file(folder, f"CodeSystem-{TOPICS}.json")["concept"]},
    )


def _closure(concept: Concept, sets: Mapping[Concept, _ValueSet]) -> tuple[Concept, ...]:
    """A set and all that it includes, itself first; a circle ends."""
    found = [concept]
    for each in found:
        found += [included for included in sets[each].includes if included not in found]
    return tuple(found)


def _codes(sets: Mapping[Concept, _ValueSet], within: Mapping[Concept, tuple[Concept, ...]]) -> _Codes:
    wider = {concept: {outer for outer in sets if concept in within[outer]} for concept in sets}
    listed: defaultdict[Key, set[Concept]] = defaultdict(set)
    barred: defaultdict[Key, set[Concept]] = defaultdict(set)
    prefixes: defaultdict[str, defaultdict[str, set[Concept]]] = defaultdict(lambda: defaultdict(set))
    for found in sets.values():
        for coding, _ in found.own:
            for key in _keys(coding.system, coding.code):
                listed[key] |= wider[found.id]
        for system, prefix in found.filters:
            for spelt_system, spelt_prefix in _keys(system, prefix):
                prefixes[spelt_system][spelt_prefix] |= wider[found.id]
        for coding, _ in (*found.barred, *(own for excluded in found.excludes for own in sets[excluded].own)):
            for key in _keys(coding.system, coding.code):
                barred[key].add(found.id)
    return _Codes(
        listed=_frozen(listed),
        prefixes={system: _frozen(by_prefix) for system, by_prefix in prefixes.items()},
        barred=_frozen(barred),
    )


def _frozen(found: Mapping[K, set[Concept]]) -> dict[K, frozenset[Concept]]:
    return {key: frozenset(sets) for key, sets in found.items()}


def _names(sets: Iterable[_ValueSet], codes: _Codes, qt_drugs: Iterable[Json]) -> _Names:
    means: defaultdict[str, set[Concept]] = defaultdict(set)
    names: defaultdict[str, dict[str, None]] = defaultdict(dict)  # the displays in the order of the files
    qt = {concept["display"]: _qt_drug(concept) for concept in qt_drugs}
    drugs = set(qt)
    for found in (found for found in sets if found.kind):
        for coding, designations in found.own:
            means[coding.display] |= {
                c for key in _keys(coding.system, coding.code) for c in codes.means(key)
            }
            for name in (coding.display, *designations):
                names[_folded(name)][coding.display] = None
        if found.kind == DRUG:
            drugs |= {coding.display for coding, _ in found.own}
        for coding, designations in found.barred:
            for name in (coding.display, *designations):
                names[_folded(name)] |= {}
    for concept in qt_drugs:
        for name in (concept["display"], *_designations(concept)):
            names[_folded(name)][concept["display"]] = None
    longest: dict[str, int] = {}
    for words in (name.split() for name in names):
        longest[words[0]] = max(longest.get(words[0], 0), len(words))
    return _Names(
        things={d: _Thing(frozenset(means[d]), d in drugs, qt.get(d)) for d in (*means, *qt)},
        names={name: tuple(displays) for name, displays in names.items()},
        longest=longest,
    )


def _folder() -> Traversable:
    """The packaged files, or those beside this package in a checkout."""
    try:
        return resources.files("fhir_profiles")
    except ModuleNotFoundError:
        return Path(__file__).resolve().parent.parent / "fhir_profiles"


# --- one file ----------------------------------------------------------------------------------------------


def _files(folder: Traversable, kind: str) -> Iterator[Json]:
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.startswith(f"{kind}-") and file.name.endswith(".json"):
            yield json.loads(file.read_bytes())


def _file(folder: Traversable, name: str) -> Json:
    found: Json = json.loads((folder / name).read_bytes())
    return found


def _value_set(resource: Json) -> _ValueSet:
    include, exclude = resource["compose"]["include"], resource["compose"].get("exclude", [])
    return _ValueSet(
        id=resource["id"],
        kind=_extension(resource, "matched-by-name") or "",
        own=tuple(_listed(include)),
        barred=tuple(_listed(exclude)),
        filters=tuple((part["system"], f["value"]) for part in include for f in part.get("filter", [])),
        includes=_included(include),
        excludes=_included(exclude),
    )


def _listed(parts: Iterable[Json]) -> Iterator[tuple[Coding, tuple[str, ...]]]:
    for part in parts:
        for concept in part.get("concept", []):
            yield Coding(part["system"], concept["code"], concept["display"]), _designations(concept)


def _included(parts: Iterable[Json]) -> tuple[Concept, ...]:
    return tuple(url.removeprefix(f"{BASE}/ValueSet/") for part in parts for url in part.get("valueSet", []))


def _designations(concept: Json) -> tuple[str, ...]:
    return tuple(d["value"] for d in concept.get("designation", []))


def _extension(element: Json, name: str) -> Any:
    """The value of one of our extensions, None if it is not there."""
    for extension in element.get("extension", []):
        if extension["url"] == f"{BASE}/StructureDefinition/{name}":
            return next(value for key, value in extension.items() if key.startswith("value"))
    return None


def _properties(concept: Json) -> dict[str, Any]:
    return {
        each["code"]: next(value for key, value in each.items() if key.startswith("value"))
        for each in concept.get("property", [])
    }


def _qt_drug(concept: Json) -> QtDrug:
    said = _properties(concept)
    other = said.get("replacement")
    return QtDrug(
        name=concept["display"],
        category=said["category"],
        tier=said["tier"],
        alert=said["alert"],
        verified=said["verified"],
        basis=said.get("basis", ""),
        alternative=said.get("alternative", ""),
        replacement=Coding(other["system"], other["code"], other["display"]) if other else None,
    )


# --- are the files sound? ----------------------------------------------------------------------------------


def check(folder: Traversable | None = None) -> list[str]:
    """What is wrong with the packaged files (or those of a folder), a sentence each; empty if nothing is."""
    folder = folder or _folder()
    problems, resources_found = _parsed(folder)
    if problems:
        return problems  # what could not be read would be missed everywhere else
    sets = [r for r in resources_found if r["resourceType"] == "ValueSet"]
    systems = {r["id"]: r for r in resources_found if r["resourceType"] == "CodeSystem"}
    for resource in sets:
        problems += _in_one_set(resource, {r["id"] for r in sets})
    problems += _against_names({r["id"] for r in sets})
    problems += _own_codes(sets, systems.get(OURS))
    problems += _one_name_each(sets)
    problems += _qt_join(sets, systems.get(QT_DRUGS))
    return problems


def _parsed(folder: Traversable) -> tuple[list[str], list[Json]]:
    problems, found = [], []
    for file in sorted((f for f in folder.iterdir() if f.name.endswith(".json")), key=lambda f: f.name):
        try:
            resource = json.loads(file.read_bytes())
            name = f"{resource['resourceType']}-{resource['id']}.json"
            if resource["resourceType"] == "ValueSet":
                _value_set(resource)
            if resource["resourceType"] == "CodeSystem" and resource["id"] == QT_DRUGS:
                tuple(map(_qt_drug, resource["concept"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            problems.append(f"{file.name} cannot be read: {type(error).__name__} {error}.")
            continue
        if name != file.name:
            problems.append(f"{file.name} holds what belongs into {name}.")
        found.append(resource)
    return problems, found


def _in_one_set(resource: Json, known: set[str]) -> Iterator[str]:
    where = f"ValueSet {resource['id']}"
    if resource.get("url") != f"{BASE}/ValueSet/{resource['id']}":
        yield f"{where} has the url {resource.get('url')}."
    include, exclude = resource["compose"]["include"], resource["compose"].get("exclude", [])
    seen: set[Key] = set()
    for part in (*include, *exclude):
        for concept in part.get("concept", []):
            system, code = part["system"], concept["code"]
            if (system, code) in seen:
                yield f"{where} lists {system}|{code} twice."
            seen.add((system, code))
            if not concept["display"].strip():
                yield f"{where}: {system}|{code} has no display."
            if not _extension(concept, "code-source") or _extension(concept, "code-verified") is None:
                yield f"{where}: {system}|{code} does not say where it was seen."
            if not _checks(system, code):
                yield f"{where}: the check digit of {system}|{code} is wrong."
        for condition in part.get("filter", []):
            if (condition.get("property"), condition.get("op")) != ("concept", "is-a") or part in exclude:
                yield f"{where} has a filter that is not understood: {condition}."
    for included in (*_included(include), *_included(exclude)):
        if included not in known:
            yield f"{where} speaks of {included}, which is not here."


def _against_names(found: set[Concept]) -> Iterator[str]:
    constants = {name: value for name, value in vars(vocabulary).items() if name.isupper() and name != "BASE"}
    for name, concept in constants.items():
        if concept != name.lower().replace("_", "-"):
            yield f"plugin.concepts.{name} is {concept}."
        if concept not in found:
            yield f"plugin.concepts.{name} has no value set {concept}."
    for concept in sorted(found - set(constants.values())):
        yield f"ValueSet {concept} has no name in plugin.concepts."


def _own_codes(sets: list[Json], ours: Json | None) -> Iterator[str]:
    defined = {concept["code"] for concept in ours["concept"]} if ours else set()
    for resource in sets:
        for coding, _ in _value_set(resource).own:
            if coding.system == f"{BASE}/CodeSystem/{OURS}" and coding.code not in defined:
                yield f"ValueSet {resource['id']} lists {coding.code}, which our code system does not define."


def _one_name_each(sets: list[Json]) -> Iterator[str]:
    """In the sets that are matched by name a code has one display, or it would be two things."""
    displays: dict[Key, str] = {}
    for found in map(_value_set, sets):
        for coding, _ in found.own if found.kind else ():
            known = displays.setdefault((coding.system, coding.code), coding.display)
            if known != coding.display:
                yield f"{coding.system}|{coding.code} is called both {known} and {coding.display}."


def _qt_join(sets: list[Json], qt_drugs: Json | None) -> Iterator[str]:
    drugs = [_qt_drug(concept) for concept in qt_drugs["concept"]] if qt_drugs else []
    coded: defaultdict[str, set[str]] = defaultdict(set)
    for found in map(_value_set, sets):
        if found.id.startswith(f"{QT_DRUGS}-"):
            for coding, _ in found.own:
                coded[coding.display].add(found.id)
    for drug in drugs:
        if drug.tier not in TIERS:
            yield f"CodeSystem {QT_DRUGS}: {drug.name} has the tier {drug.tier}."
        if coded[drug.name] != {f"{QT_DRUGS}-{drug.category.lower()}"}:
            yield f"{drug.name} has category {drug.category}, but its codes are in {sorted(coded[drug.name])}."
    for display in sorted(coded.keys() - {drug.name for drug in drugs}):
        yield f"{display} has codes as a QT drug, but CodeSystem {QT_DRUGS} does not know it."


def _checks(system: str, code: str) -> bool:
    """Whether the check digit fits; True where there is none (a LOINC answer, another system)."""
    if system == "http://loinc.org" and (match := re.fullmatch(r"(\d+)-(\d)", code)):
        return _luhn(match[1]) == int(match[2])
    if system == "http://snomed.info/sct":
        return code.isdecimal() and not _verhoeff(code)
    return True


def _luhn(digits: str) -> int:
    """The check digit of LOINC (mod 10): every second digit from the right is doubled."""
    doubled = (sum(divmod(2 * int(d), 10)) for d in digits[::-2])
    return -(sum(doubled) + sum(map(int, digits[-2::-2]))) % 10


# The product of two elements of the dihedral group: 0 to 4 are turns, 5 to 9 are reflections.
_DIHEDRAL = tuple(
    tuple((a + b) % 5 + 5 * (b > 4) if a < 5 else (a - b) % 5 + 5 * (b < 5) for b in range(10))
    for a in range(10)
)
_PERMUTATION = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def _verhoeff(digits: str) -> int:
    """0 if the last digit is the check digit of SNOMED CT (Verhoeff, in the dihedral group of order ten)."""
    permuted = list(range(10))
    found = 0
    for digit in reversed(digits):
        found = _DIHEDRAL[found][permuted[int(digit)]]
        permuted = [_PERMUTATION[p] for p in permuted]
    return found
