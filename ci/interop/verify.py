"""Verifies a published grant with PyJWT, joserfc and cryptography."""

import base64
import json
import sys

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc import jws
from joserfc.jwk import KeySet

vectors = json.load(open(sys.argv[1]))
jwks = json.loads(vectors["key"]["jwks"])
token = vectors["grant"]["token"]
claims = json.loads(vectors["grant"]["claims"])


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def with_pyjwt(token):
    key = jwt.PyJWKSet.from_dict(jwks)[jwt.get_unverified_header(token)["kid"]].key
    times = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
    return jwt.decode(token, key, algorithms=["EdDSA"], audience="database/orders", issuer="https://jit.example", options=times)


def with_joserfc(token):
    return json.loads(jws.deserialize_compact(token, KeySet.import_key_set(jwks), algorithms=["EdDSA"]).payload)


def with_cryptography(token):
    signed, signature = token.rsplit(".", 1)
    Ed25519PublicKey.from_public_bytes(decode(jwks["keys"][0]["x"])).verify(decode(signature), signed.encode())
    return json.loads(decode(signed.split(".")[1]))


def altered(token):
    """Changes every bit of every part, one at a time."""
    for part, text in enumerate(token.split(".")):
        raw = decode(text)
        for bit in range(8 * len(raw)):
            changed = bytearray(raw)
            changed[bit // 8] ^= 1 << bit % 8
            parts = token.split(".")
            parts[part] = base64.urlsafe_b64encode(bytes(changed)).rstrip(b"=").decode()
            yield ".".join(parts)


for verify in (with_pyjwt, with_joserfc, with_cryptography):
    assert verify(token) == claims, verify.__name__
    count = 0
    for changed in altered(token):
        try:
            verify(changed)
        except Exception:
            count += 1
            continue
        sys.exit(f"{verify.__name__} accepts an altered grant")
    print(f"{verify.__name__}: holds, and with each of {count} bits changed it does not")
