"""Secrets on a laptop: where they are looked for, in what order, and that they never show."""

from __future__ import annotations

import getpass
import sys
from types import ModuleType

import pytest

from kalshi_alpha.errors import SecretError
from kalshi_alpha.venues.secrets import Secret, load_private_key_pem, load_secret

NAME = "MASSIVE_API_KEY"
OLD_NAME = "POLYGON_API_KEY"
TEXT = "abcdefghijklmnop1234"
PEM = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"


def empty(*_: str) -> str | None:
    return None


@pytest.fixture
def keychain(monkeypatch):
    """Put a keychain in the machine's place and return its items by (service, account)."""
    items: dict[tuple[str, str], str] = {}
    keyring, errors = ModuleType("keyring"), ModuleType("keyring.errors")

    class KeyringError(Exception):
        pass

    def get_password(service: str, account: str) -> str | None:
        found = items.get((service, account))
        if found == "locked":
            raise KeyringError(found)
        return found

    keyring.get_password, errors.KeyringError = get_password, KeyringError
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)
    return items


def test_the_places_are_searched_in_their_order(tmp_path):
    asked = []

    def last(service: str, account: str) -> str:
        asked.append((service, account))
        return "from the keychain"

    def found(environment: dict[str, str]) -> str:
        return load_secret(
            "A_KEY", folder=tmp_path, environment=environment, keychain=last
        ).reveal()

    assert found({}) == "from the keychain"
    assert asked == [("kalshi-sys:A_KEY", getpass.getuser())]
    (tmp_path / ".env").write_text("A_KEY=from .env\n")
    assert found({}) == "from .env"
    (tmp_path / ".env.local").write_text('A_KEY="from .env.local"\n')
    assert found({}) == "from .env.local"
    assert found({"A_KEY": "from the environment"}) == "from the environment"
    assert len(asked) == 1


@pytest.mark.usefixtures("keychain")
def test_the_working_folder_and_the_process_are_the_usual_places(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("A_KEY", raising=False)
    (tmp_path / ".env").write_text("A_KEY=from the folder\n")
    assert load_secret("A_KEY").reveal() == "from the folder"
    monkeypatch.setenv("A_KEY", "from the process")
    assert load_secret("A_KEY").reveal() == "from the process"


def test_a_blank_value_is_no_value_and_white_space_around_one_is_cut(tmp_path):
    (tmp_path / ".env").write_text("A_KEY=\nB_KEY\n")
    places = {"folder": tmp_path, "environment": {"A_KEY": "  "}}
    found = load_secret("A_KEY", **places, keychain=lambda *_: " x\n")
    assert found.reveal() == "x"
    with pytest.raises(SecretError):
        load_secret("B_KEY", **places, keychain=lambda *_: "  ")


@pytest.mark.parametrize("level", ["environment", ".env.local", ".env", "keychain"])
def test_the_vendors_old_name_counts_at_each_place_after_its_new_one(level, tmp_path):
    def load(**values: str) -> str:
        if level.startswith("."):
            (tmp_path / level).write_text("".join(f"{k}={v}\n" for k, v in values.items()))
        chain = {f"kalshi-sys:{k}": v for k, v in values.items()} if level == "keychain" else {}
        return load_secret(
            NAME,
            folder=tmp_path,
            environment=values if level == "environment" else {},
            keychain=lambda service, _: chain.get(service),
        ).reveal()

    assert load(POLYGON_API_KEY="old") == "old"
    assert load(POLYGON_API_KEY="old", MASSIVE_API_KEY="new") == "new"


def test_the_old_name_in_a_nearer_place_beats_the_new_one_further_away(tmp_path):
    (tmp_path / ".env").write_text(f"{NAME}=far\n")
    found = load_secret(NAME, folder=tmp_path, environment={OLD_NAME: "near"}, keychain=empty)
    assert found.reveal() == "near"


def test_another_secret_has_no_second_name(tmp_path):
    with pytest.raises(SecretError):
        load_secret("A_KEY", folder=tmp_path, environment={OLD_NAME: "x"}, keychain=empty)


def test_the_machines_keychain_is_asked_by_service_and_account(tmp_path, keychain):
    keychain["kalshi-sys:POLYGON_API_KEY", getpass.getuser()] = TEXT
    assert load_secret(NAME, folder=tmp_path, environment={}).reveal() == TEXT


@pytest.mark.parametrize("state", ["empty", "locked", "absent", "nobody"])
def test_a_keychain_that_cannot_help_leads_to_one_generic_sentence(
    state, tmp_path, keychain, monkeypatch
):
    if state == "locked":
        keychain[f"kalshi-sys:{NAME}", getpass.getuser()] = "locked"
    if state == "absent":
        monkeypatch.setitem(sys.modules, "keyring", None)
    if state == "nobody":  # a container's user may have no name

        def nameless() -> str:
            raise KeyError("getpwuid(): uid not found: 1001")

        monkeypatch.setattr(getpass, "getuser", nameless)
    with pytest.raises(SecretError) as caught:
        load_secret(NAME, folder=tmp_path, environment={"OTHER": TEXT})
    assert NAME not in str(caught.value)
    assert OLD_NAME not in str(caught.value)
    assert TEXT not in str(caught.value)


def test_without_the_package_that_reads_them_the_files_are_passed_over(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("A_KEY=x\n")
    monkeypatch.setitem(sys.modules, "dotenv", None)
    with pytest.raises(SecretError):
        load_secret("A_KEY", folder=tmp_path, environment={}, keychain=empty)


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{:>40}".format, "{!r}".format])
def test_a_secret_shows_at_most_its_last_four_characters(show):
    shown = show(Secret(TEXT))
    assert shown.strip() == "<Secret ...1234>"
    assert show(Secret("short-key")).strip() == "<Secret>"
    assert Secret(TEXT).reveal() == TEXT


def test_a_secret_keeps_its_text_out_of_a_containers_representation():
    assert TEXT[:-4] not in repr({"key": [Secret(TEXT)]})


def test_the_private_key_comes_from_its_own_secret(tmp_path):
    found = load_private_key_pem(
        folder=tmp_path, environment={"KALSHI_PRIVATE_KEY_PEM": PEM}, keychain=empty
    )
    assert found == PEM.strip().encode()


def test_the_private_key_comes_from_the_file_its_path_names(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "key.pem").write_text(PEM)
    for path in (str(tmp_path / "key.pem"), "~/key.pem"):
        environment = {"KALSHI_PRIVATE_KEY_PEM_PATH": path}
        found = load_private_key_pem(folder=tmp_path, environment=environment, keychain=empty)
        assert found == PEM.encode()


@pytest.mark.parametrize("path", ["gone.pem", "."])
def test_a_key_file_that_cannot_be_read_is_said_without_its_path(path, tmp_path):
    environment = {"KALSHI_PRIVATE_KEY_PEM_PATH": str(tmp_path / path)}
    with pytest.raises(SecretError) as caught:
        load_private_key_pem(folder=tmp_path, environment=environment, keychain=empty)
    assert str(tmp_path) not in str(caught.value)
    assert "KALSHI" not in str(caught.value)


def test_without_key_and_path_the_sentence_names_neither(tmp_path):
    with pytest.raises(SecretError) as caught:
        load_private_key_pem(folder=tmp_path, environment={}, keychain=empty)
    assert "KALSHI" not in str(caught.value)
