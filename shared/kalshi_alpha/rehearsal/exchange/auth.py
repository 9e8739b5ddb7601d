"""Checking signatures: RSA-PSS and Ed25519, as the venue does."""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from kalshi_alpha.clock import Clock
from kalshi_alpha.errors import ConfigurationError

_STAMP = re.compile("[0-9]{1,16}")
_PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=hashes.SHA256.digest_size)


@dataclass(frozen=True, slots=True)
class Key:
    """A public key with its account and scopes."""

    account: str
    public: rsa.RSAPublicKey | ed25519.Ed25519PublicKey
    scopes: frozenset[str] = frozenset({"read", "write"})

    def allows(self, needed: str) -> bool:
        """Say whether a scope or its parent was given: ``write`` holds ``write::trade``."""
        return needed in self.scopes or needed.partition("::")[0] in self.scopes


class Unauthorized(Exception):
    """The request is not signed, or not by anybody known."""


class KeyRing:
    """The keys the exchange knows; ``skew_s`` is the accepted clock difference in real seconds."""

    def __init__(self, clock: Clock, skew_s: float = 5.0) -> None:
        self._clock, self._skew = clock, skew_s
        self._keys: dict[str, Key] = {}

    def issue(
        self, account: str, kind: str = "rsa", scopes: frozenset[str] | None = None
    ) -> tuple[str, str]:
        """Make a throw-away key pair; return its id and the private half as PEM."""
        private: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
        if kind == "rsa":
            private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        elif kind == "ed25519":
            private = ed25519.Ed25519PrivateKey.generate()
        else:
            raise ConfigurationError(f"the key kind {kind!r} is neither rsa nor ed25519")
        pem = private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        key_id = str(uuid.uuid4())
        self._keys[key_id] = Key(
            account, private.public_key(), scopes or frozenset({"read", "write"})
        )
        return key_id, pem.decode()

    def check(self, headers: Mapping[str, str], method: str, path: str) -> Key:
        """Return the key that signed; raise ``Unauthorized`` otherwise."""
        key = self._keys.get(headers.get("KALSHI-ACCESS-KEY", ""))
        stamp = headers.get("KALSHI-ACCESS-TIMESTAMP", "")
        if key is None or not _STAMP.fullmatch(stamp):
            raise Unauthorized
        if abs(self._clock.now().timestamp() - int(stamp) / 1000) > self._tolerance():
            raise Unauthorized
        text = f"{stamp}{method.upper()}{path}".encode()
        try:
            signature = base64.b64decode(headers.get("KALSHI-ACCESS-SIGNATURE", ""), validate=True)
            if isinstance(key.public, rsa.RSAPublicKey):
                key.public.verify(signature, text, _PSS, hashes.SHA256())
            else:
                key.public.verify(signature, text)
        except (InvalidSignature, binascii.Error, ValueError):
            raise Unauthorized from None
        return key

    def _tolerance(self) -> float:
        """Return the tolerance on the clock's own time: a fast clock makes a delay look long."""
        timeline = getattr(self._clock, "timeline", None)
        speed = 1.0 if timeline is None else timeline.speed_at(timeline.wall(self._clock.now()))
        return self._skew * max(1.0, float(speed))
