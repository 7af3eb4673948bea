"""The registry: what it may say, and that a mistake in it stops the start with file, table, key and what is allowed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from plugin.__main__ import main
from plugin.clients import _READ, LARGEST, SANDBOX, BadClients, Client, read
from plugin.drugs import DRUGS
from plugin.profiles import DEFAULT, PROFILES
from tests.signing import ISS, client, jwk, registry

LABELS = [name for drug in DRUGS for name in drug.labels]
EXAMPLE = Path(__file__).parent.parent / "clients.example.toml"


def one(folder: Path, development: bool = False, **more: Any) -> Client:
    (found,) = read(registry(folder, hospital=client(**more)), LABELS, development)
    return found


def test_the_example_is_a_registry() -> None:
    found = read(EXAMPLE, LABELS)
    general, clinic, small = found
    assert [each.name for each in found] == [
        "general-hospital",
        "university-clinic",
        "small-hospital",
    ]
    assert (general.shadow, general.label, general.profile, general.life) == ("silent", "us", DEFAULT, 300)
    assert list(general.jku) == ["https://ehr.general.example/.well-known/jwks.json"]
    assert [str(server) for server in general.fhir_servers] == ["https://ehr.general.example/fhir/R4"]
    assert clinic.profile.applies == ("remove", "prescribe")
    assert clinic.profile.systems == PROFILES["epic"].systems
    assert (clinic.label, clinic.life, len(clinic.aud)) == ("eu", 900, 2)
    assert list(small.keys) == [("2026-01", "ES384")]
    assert small.jku == {}


def test_the_example_shows_all_there_is_to_say() -> None:
    written = EXAMPLE.read_text("utf-8")
    assert [key for key in _READ if not re.search(rf"^(# )?{key} *=", written, re.MULTILINE)] == []


def test_what_is_left_out_has_a_default(tmp_path: Path) -> None:
    found = one(tmp_path)
    assert (found.name, found.iss, found.algorithms) == ("hospital", ISS, ("ES384", "RS384"))
    assert (found.aud, found.sub, found.tenant, found.fhir_servers, found.label, found.shadow) == (
        *((),) * 4,
        None,
        "",
    )
    assert (found.profile, found.life) == (DEFAULT, 300)
    assert set(found.keys) == {("a-key", "ES384"), ("b-key", "RS384")}


def test_keys_may_lie_in_a_file_beside_the_registry(tmp_path: Path) -> None:
    (tmp_path / "hospital.json").write_text(json.dumps({"keys": [jwk()]}))
    assert list(one(tmp_path, keys="hospital.json").keys) == [("a-key", "ES384")]


def test_servers_of_this_network_are_named_as_such(tmp_path: Path) -> None:
    servers = ["https://a.example/r4", {"url": "https://b.example/r4/", "internal": True}]
    found = one(
        tmp_path, fhir_servers=servers, keys=None, jku={"url": "https://k.example/", "internal": True}
    )
    assert [(str(s), s.internal) for s in found.fhir_servers] == [
        ("https://a.example/r4", False),
        ("https://b.example/r4", True),
    ]
    assert found.jku["https://k.example/"].internal


def test_the_sandbox_and_servers_in_the_clear_are_for_development(tmp_path: Path) -> None:
    for more in ({"iss": SANDBOX}, {"keys": None, "jku": "http://127.0.0.1:8000/jwks"}):
        assert one(tmp_path, True, **more)
        with pytest.raises(BadClients):
            one(tmp_path, **more)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"iss": None}, "iss: it must be a text of 1 to 255"),
    ({"iss": ""}, "iss: it must be a text of 1 to 255"),
    ({"iss": 7}, "iss: it must be a text"),
    ({"iss": "https://a\n"}, "iss: it must be a text"),
    ({"iss": SANDBOX}, "iss: the private key of the public sandbox is public"),
    ({"isss": "x"}, "isss: there is no such key; there are iss, jku, keys, "),
    ({"jku": "https://a.example/keys"}, "jku: give jku (where the keys are) or keys"),
    ({"keys": None}, "jku: give jku (where the keys are) or keys"),
    ({"keys": None, "jku": "http://a.example/keys"}, "jku: http://a.example/keys: the URL must be https"),
    (
        {"keys": None, "jku": "https://u:p@a.example/"},
        "jku: https://u:p@a.example/: the URL holds a user name",
    ),
    ({"keys": None, "jku": "https://a.example/ internal"}, "jku: url must be a text"),
    ({"keys": None, "jku": 7}, "jku: it must be a URL or"),
    ({"keys": None, "jku": {"internal": True}}, "jku: it must be a URL or"),
    ({"keys": None, "jku": {"url": "https://a.example", "trust": 1}}, "jku: it must be a URL or"),
    ({"keys": None, "jku": {"url": "https://a.example", "internal": "yes"}}, "jku: url must be a text"),
    ({"keys": None, "jku": []}, "jku: the list is empty; leave the key out"),
    ({"algorithms": ["ES384", "HS256"]}, "algorithms: 'HS256' is none of ES256, ES384, "),
    ({"algorithms": "none"}, "algorithms: 'none' is none of ES256"),
    ({"algorithms": []}, "algorithms: the list is empty; leave the key out"),
    ({"algorithms": [384]}, "algorithms: it must be a text, or a list of texts"),
    ({"keys": [jwk("ES256")]}, "keys: key 1: it is not an EC key on P-384 or it is not an RSA key"),
    (
        {"keys": [jwk(), jwk("RS384", "weak", bits=1024)]},
        "keys: key 2: it is not an EC key on P-384 or an RSA key has",
    ),
    ({"keys": [jwk() | {"d": "x"}]}, "keys: key 1: it holds a secret"),
    ({"keys": []}, "keys: the set is empty"),
    ({"keys": 7}, "keys: it is not a JWK Set"),
    ({"keys": "nowhere.json"}, "keys: No such file or directory"),
    ({"keys": "clients.toml"}, "keys: The body is not JSON"),
    ({"aud": ""}, "aud: it must be a text"),
    ({"sub": [""]}, "sub: it must be a text"),
    ({"tenant": {}}, "tenant: it must be a text"),
    ({"fhir_servers": ["ftp://a.example"]}, "fhir_servers: ftp://a.example: the URL is not an absolute http"),
    (
        {"fhir_servers": "https://a.example?x=1"},
        "fhir_servers: https://a.example?x=1: a base URL has no query",
    ),
    ({"label": "uk"}, "label: 'uk' is none of auto, "),
    ({"label": ["us"]}, "label: ['us'] is none of auto, "),
    ({"profile": "cerner"}, "profile: 'cerner' is none of default, epic, oracle, sandbox"),
    ({"quirks": "none"}, "quirks: it must be a table of applies and detail"),
    ({"quirks": {"life": 7}}, "quirks: it must be a table of applies and detail"),
    ({"quirks": {"applies": "remove"}}, "quirks.applies: it must be a list of some of remove, amend"),
    ({"quirks": {"applies": ["delete"]}}, "quirks.applies: it must be a list of some of remove, amend"),
    ({"quirks": {"detail": "html"}}, "quirks.detail: it must be markdown or plain"),
    ({"shadow": True}, "shadow: True is none of silent, info"),
    ({"shadow": "loud"}, "shadow: 'loud' is none of silent, info"),
    ({"life": 3601}, "life: it must be a whole number of seconds from 60 to 3600"),
    ({"life": 59}, "life: it must be a whole number"),
    ({"life": True}, "life: it must be a whole number"),
    ({"life": "300"}, "life: it must be a whole number"),
]


@pytest.mark.parametrize(("more", "says"), BAD)
def test_a_mistake_names_file_table_and_key(tmp_path: Path, more: dict[str, Any], says: str) -> None:
    with pytest.raises(BadClients) as caught:
        one(tmp_path, **more)
    assert str(caught.value).startswith(f"{tmp_path / 'clients.toml'} [hospital] {says}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("north", "south"), [({}, {}), ({"tenant": "n"}, {}), ({"tenant": "n"}, {"tenant": ["s", "n"]})]
)
def test_two_tables_of_one_issuer_are_a_mistake_unless_tenants_tell_them_apart(
    tmp_path: Path, north: dict[str, Any], south: dict[str, Any]
) -> None:
    with pytest.raises(
        BadClients, match=r"\[south\] iss: \[north\] has it already; one table an issuer, unless"
    ):
        read(registry(tmp_path, north=client(**north), south=client(**south)), LABELS)
    read(registry(tmp_path, north=client(tenant="n"), south=client(tenant="s")), LABELS)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("", "names no client: nobody could call"),
        ("[a", "cannot be read as TOML"),
        ("iss = 'x'", "iss: a key stands outside a table"),
        ("['a b']\niss = 'x'", "the name of a table is of letters"),
        ("# \xff", "cannot be read as TOML"),
        ("#" * (LARGEST + 1), "it is larger than"),
    ],
)
def test_a_file_that_is_no_registry_is_a_mistake(tmp_path: Path, written: str, says: str) -> None:
    file = tmp_path / "clients.toml"
    file.write_bytes(written.encode("latin-1"))
    with pytest.raises(BadClients, match=re.escape(says)):
        read(file, LABELS)


def test_a_registry_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(
        BadClients, match=r"nowhere\.toml cannot be read as TOML: No such file or directory\.$"
    ):
        read(tmp_path / "nowhere.toml", LABELS)


# --- on the command line -------------------------------------------------------------------------------------


def test_the_service_does_not_start_on_a_bad_registry(tmp_path: Path) -> None:
    environment = {
        "PLUGIN_CLIENTS": str(registry(tmp_path, hospital=client(life=7))),
        "PLUGIN_URL": "https://a.b",
    }
    for command in ("serve", "check"):
        result = CliRunner().invoke(main, [command], env=environment)
        assert result.exit_code == 1
        assert "clients.toml [hospital] life: it must be a whole number" in result.output


def test_the_service_does_not_start_where_nobody_could_call() -> None:
    result = CliRunner().invoke(main, ["serve"])
    assert result.exit_code == 1
    assert "PLUGIN_CLIENTS is not set, so nobody could call." in result.output


def test_a_good_registry_is_in_order(tmp_path: Path) -> None:
    environment = {"PLUGIN_CLIENTS": str(registry(tmp_path)), "PLUGIN_URL": "https://cds.example"}
    result = CliRunner().invoke(main, ["check"], env=environment)
    assert result.exit_code == 0, result.output
