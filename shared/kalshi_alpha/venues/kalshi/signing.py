"""Signing requests: RSA-PSS or Ed25519 over time, method and path.

The signed text is the Unix time in milliseconds, the upper-case method and the path from the root
without its query (market facts, section on signing). The kind of key is found by parsing it.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from kalshi_alpha.clock import require_aware
from kalshi_alpha.errors import SecretError

_PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=hashes.SHA256.digest_size)
_MIN_RSA_BITS = 2048


class Signer:
    """A private key that signs and shows nothing of itself."""

    def __init__(self, key: RSAPrivateKey | Ed25519PrivateKey) -> None:
        self._key = key

    def __repr__(self) -> str:
        """Name the kind of key only."""
        return f"<Signer {'RSA' if isinstance(self._key, RSAPrivateKey) else 'Ed25519'}>"

    def headers(self, key_id: str, method: str, path: str, at: datetime) -> dict[str, str]:
        """Return the three headers of a request; a query in ``path`` is not signed."""
        stamp = str(round(require_aware(at).timestamp() * 1000))
        bare = path.partition("?")[0]
        signature = self._sign(f"{stamp}{method.upper()}{bare}".encode())
        return {
            "KALSHI-ACCESS-KEY": key_id,
            "KALSHI-ACCESS-TIMESTAMP": stamp,
            "KALSHI-ACCESS-SIGNATURE": base64.b64encode(signature).decode(),
        }

    def _sign(self, text: bytes) -> bytes:
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(text, _PSS, hashes.SHA256())
        return self._key.sign(text)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key id and its signer; the representation masks both."""

    key_id: str
    signer: Signer

    def __repr__(self) -> str:
        """Show the last four characters of the key id, as the venue's own pages do."""
        return f"<Credentials ...{self.key_id[-4:]} {self.signer!r}>"


def load_key(pem: bytes, *, validate: bool = False) -> Signer:
    """Load a PEM private key: RSA in PKCS#1 or PKCS#8, or Ed25519 in PKCS#8.

    Checking an RSA key costs 50 ms and more and is done once, when the secret is installed
    (``validate``); a function trusts its own secret.

    Raises:
        SecretError: when the key is missing, malformed, encrypted or of another kind. The sentence
            never holds any of it.
    """
    if not pem.strip():
        raise SecretError("the exchange's private key is missing: give a PEM file or secret")
    try:
        key = load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=not validate)
    except TypeError:
        raise SecretError(
            "the exchange's private key is encrypted: store it without a passphrase, in a secret "
            "store or a file only you can read"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise SecretError(
            "the exchange's private key is malformed: it must be a PEM private key, RSA or Ed25519"
        ) from None
    if isinstance(key, RSAPrivateKey):
        if key.key_size < _MIN_RSA_BITS:
            raise SecretError(f"the exchange's RSA key is shorter than {_MIN_RSA_BITS} bits")
        return Signer(key)
    if isinstance(key, Ed25519PrivateKey):
        return Signer(key)
    raise SecretError("the exchange's private key is neither RSA nor Ed25519")
