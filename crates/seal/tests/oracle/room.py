"""Opens what Candour sealed to a room and seals to the same room, with pyca/cryptography's HPKE.

usage: room.py PRIVATE_KEY_HEX INFO_HEX SEALED_HEX PLAINTEXT_HEX
The sealed text was made without associated data. Prints another sealed form of the plaintext, in hexadecimal.
"""

import sys

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

private, info, sealed, plaintext = (bytes.fromhex(argument) for argument in sys.argv[1:])
key = X25519PrivateKey.from_private_bytes(private)
suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
if suite.decrypt(sealed, key, info=info) != plaintext:
    sys.exit("opened to something else")
print(suite.encrypt(plaintext, key.public_key(), info=info).hex())
