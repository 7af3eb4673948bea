"""Settings: what the environment may say, and how a mistake in it is reported."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

import certifi
import pytest

from plugin.config import BadSetting, Settings, loopback


def test_without_an_environment_the_service_is_closed_and_local() -> None:
    settings = Settings.read({})
    assert (settings.host, settings.port, settings.label, settings.development) == (
        "127.0.0.1",
        8080,
        "auto",
        False,
    )
    assert settings.cors_origins == ()
    assert settings.timezone is None


def test_every_setting_has_its_variable() -> None:
    settings = Settings.read(
        {
            "PLUGIN_HOST": "::1",
            "PLUGIN_PORT": "0",
            "PLUGIN_LABEL": "us-2024-03",
            "PLUGIN_DEVELOPMENT": "yes",
            "PLUGIN_TIMEZONE": "Europe/Berlin",
            "PLUGIN_MAX_BODY": "4096",
            "PLUGIN_CORS_ORIGINS": "https://a.example, https://b.example:8443",
            "HOME": "/nowhere",
        }
    )
    assert (settings.host, settings.port, settings.label) == ("::1", 0, "us-2024-03")
    assert settings.development
    assert str(settings.timezone) == "Europe/Berlin"
    assert settings.max_body == 4096
    assert settings.cors_origins == ("https://a.example", "https://b.example:8443")


@pytest.mark.parametrize(
    ("variable", "written"),
    [
        ("PLUGIN_PORT", "http"),
        ("PLUGIN_PORT", "65536"),
        ("PLUGIN_PORT", "٣"),
        ("PLUGIN_LABEL", "uk"),
        ("PLUGIN_LABEL", "../us"),
        ("PLUGIN_LABEL", "automatic"),
        ("PLUGIN_DEVELOPMENT", "maybe"),
        ("PLUGIN_TIMEZONE", "Mars/Olympus"),
        ("PLUGIN_TIMEZONE", "../../etc/passwd"),
        ("PLUGIN_MAX_BODY", "12"),
        ("PLUGIN_CORS_ORIGINS", "ehr.example.org"),
        ("PLUGIN_FHIR_SERVERS", "ehr.example.org"),
        ("PLUGIN_FHIR_SERVERS", "https://ehr.example.org, http://ehr.example.org"),
        ("PLUGIN_FHIR_BUDGET", "0"),
        ("PLUGIN_FHIR_CA", "/nowhere/ca.pem"),
        ("PLUGIN_FHIR_CA", __file__),
    ],
)
def test_a_bad_value_names_its_variable_and_what_is_allowed(variable: str, written: str) -> None:
    with pytest.raises(BadSetting, match=f"^{variable} is .*; it must be "):
        Settings.read({variable: written})


def test_fhir_servers_are_a_list_of_bases() -> None:
    file = certifi.where()
    written = "https://a.example/fhir, https://b.example internal,"
    settings = Settings.read({"PLUGIN_FHIR_SERVERS": written, "PLUGIN_FHIR_CA": file})
    assert [(str(server), server.internal) for server in settings.fhir_servers] == [
        ("https://a.example/fhir", False),
        ("https://b.example", True),
    ]
    assert settings.fhir_ca == file


def test_http_is_for_development() -> None:
    local = {"PLUGIN_FHIR_SERVERS": "http://127.0.0.1:8090/fhir"}
    assert Settings.read(local, development=True).fhir_servers
    with pytest.raises(
        BadSetting, match=r"^PLUGIN_FHIR_SERVERS holds http://127\.0\.0\.1:8090/fhir: http is for"
    ):
        Settings.read(local)


def test_an_unknown_variable_is_an_error_because_somebody_meant_to_set_it() -> None:
    with pytest.raises(BadSetting, match=r"^PLUGIN_LABLE is not a setting\. Settings: PLUGIN_HOST, "):
        Settings.read({"PLUGIN_LABLE": "eu"})


def test_an_empty_variable_is_as_good_as_none() -> None:
    assert Settings.read({"PLUGIN_PORT": " "}).port == 8080


def test_an_option_wins_over_the_environment_and_one_not_given_does_not() -> None:
    settings = Settings.read({"PLUGIN_PORT": "81", "PLUGIN_LABEL": "eu"}, port=82, label=None)
    assert (settings.port, settings.label) == (82, "eu")


def test_development_is_for_a_loopback_address_only() -> None:
    with pytest.raises(BadSetting, match="for a loopback address: PLUGIN_HOST"):
        Settings.read({"PLUGIN_DEVELOPMENT": "1", "PLUGIN_HOST": "0.0.0.0"})  # noqa: S104  # that it is refused


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("[::1]", True),
        ("10.0.0.1", False),
        ("ehr.example.org", False),
        ("", False),
    ],
)
def test_loopback_is_this_machine_only(host: str, local: bool) -> None:
    assert loopback(host) is local


def test_every_setting_is_described() -> None:
    described: list[Any] = [f.metadata["says"] for f in fields(Settings)]
    assert all(re.match(r"\w", says) for says in described)
