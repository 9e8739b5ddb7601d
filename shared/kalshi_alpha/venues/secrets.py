"""Secrets on a laptop: environment, ``.env.local``, ``.env``, keychain, in that order.

On AWS they come from Secrets Manager instead. Errors are generic on purpose: they name no variable
and no value, for they end up in logs.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from kalshi_alpha.errors import SecretError

FILES = (".env.local", ".env")
# The founding document's item name in the login keychain.
KEYCHAIN_SERVICE = "kalshi-sys:{name}"
# The vendor changed its name in October 2025; keys under the old one keep working.
_ALSO = {"MASSIVE_API_KEY": ("POLYGON_API_KEY",)}


class Secret:
    """A text that does not show itself; ``reveal`` gives it away."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def __repr__(self) -> str:
        """Show the last four characters of a long secret, nothing of a short one."""
        return f"<Secret ...{self._text[-4:]}>" if len(self._text) >= 16 else "<Secret>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        """Format as it shows itself."""
        return format(repr(self), spec)


def load_secret(
    name: str,
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    keychain: Callable[[str, str], str | None] | None = None,
) -> Secret:
    """Return the secret of that name; raise ``SecretError`` when no place has it.

    The arguments replace the working folder, the process's environment and the keychain in tests.
    """
    names = (name, *_ALSO.get(name, ()))
    here = Path.cwd() if folder is None else folder
    process = dict(os.environ if environment is None else environment)
    for values in (process, *(_file(here / file) for file in FILES)):
        for known_as in names:
            if values.get(known_as, "").strip():
                return Secret(values[known_as].strip())
    for known_as in names:
        found = (keychain or _keychain)(KEYCHAIN_SERVICE.format(name=known_as), _account())
        if found and found.strip():
            return Secret(found.strip())
    raise SecretError(
        "a secret is missing: set it in the environment, in .env.local or in the keychain "
        "(.env.local.example lists the names)"
    )


def load_private_key_pem(**places: object) -> bytes:
    """Return the exchange's private key as PEM bytes, from a secret or from the file it names."""
    try:
        return load_secret("KALSHI_PRIVATE_KEY_PEM", **places).reveal().encode()  # type: ignore[arg-type]
    except SecretError:
        path = load_secret("KALSHI_PRIVATE_KEY_PEM_PATH", **places).reveal()  # type: ignore[arg-type]
    try:
        return Path(path).expanduser().read_bytes()
    except OSError:
        raise SecretError(
            "the private key's file cannot be read: check that it exists and that you own it"
        ) from None


def _file(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    try:
        from dotenv import dotenv_values  # noqa: PLC0415 - only a laptop has these files
    except ImportError:
        return {}
    return {key: value for key, value in dotenv_values(path).items() if value is not None}


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return ""


def _keychain(service: str, account: str) -> str | None:
    try:
        import keyring  # noqa: PLC0415 - only a laptop has a keychain
        from keyring.errors import KeyringError  # noqa: PLC0415
    except ImportError:
        return None
    try:
        found = keyring.get_password(service, account)
    except KeyringError:
        return None
    return None if found is None else str(found)
