"""Opens a backup without Candour: an independent reading of docs/formats/backup.md with pyca/cryptography 50.

usage: read_backup.py BACKUP KEYFILE [FOLDER]
Lists the entries; with FOLDER, also writes each of them below it. Needs `pip install 'cryptography>=50'`.
"""

import hashlib
import hmac
import pathlib
import sys

from cryptography.cobblestone import Cobblestone256Decryptor
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite


def key_of(path):
    for line in pathlib.Path(path).read_text().splitlines():
        words = line.split()
        if words[:1] == ["candour-backup-key-1"]:
            if hashlib.sha256(" ".join(words[:3]).encode()).hexdigest()[:8] != words[3]:
                sys.exit("a digit of the key is wrong")
            return bytes.fromhex(words[1]), bytes.fromhex(words[2])
    sys.exit("no key in that file")


def head_of(backup):
    line = backup.readline()
    if line != b"candour-backup 1\n":
        sys.exit("not a backup of version 1")
    count = backup.read(1)
    sealed = [backup.read(80) for _ in range(count[0])]
    return line + count + b"".join(sealed), sealed


def drawn_from(sealed, private):
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
    for one in sealed:
        try:
            return suite.decrypt(one, X25519PrivateKey.from_private_bytes(private), info=b"candour/v1/backup/key")
        except Exception:
            continue
    sys.exit("sealed for another key")


def opened(backup, key, context):
    decryptor = Cobblestone256Decryptor(key, context)
    try:
        while piece := backup.read(1 << 16):
            yield decryptor.update(piece)
        yield decryptor.finalize()
    except (InvalidTag, ValueError):
        sys.exit("the backup is altered or cut short")


class Stream:
    def __init__(self, pieces):
        self.pieces, self.held = pieces, b""

    def take(self, length, may_end=False):
        while len(self.held) < length:
            piece = next(self.pieces, None)
            if piece is None:
                if may_end and not self.held:
                    return b""
                sys.exit("the backup is cut short")
            self.held += piece
        taken, self.held = self.held[:length], self.held[length:]
        return taken

    def number(self, length):
        return int.from_bytes(self.take(length), "big")


def entries(stream):
    while length := stream.take(2, may_end=True):
        name = stream.take(int.from_bytes(length, "big")).decode()
        stream.number(4)
        content = bytearray()
        while size := stream.number(4):
            content += stream.take(size)
        if hashlib.sha256(content).digest() != stream.take(32):
            sys.exit(f"{name} is not what was written")
        yield name, bytes(content)


def main():
    private, origin = key_of(sys.argv[2])
    with open(sys.argv[1], "rb") as backup:
        head, sealed = head_of(backup)
        key = hmac.new(origin, drawn_from(sealed, private), hashlib.sha256).digest()
        context = b"candour/v1/backup" + hashlib.sha256(head).digest()
        for name, content in entries(Stream(opened(backup, key, context))):
            print(name, len(content))
            if len(sys.argv) > 3:
                below = pathlib.Path(sys.argv[3]) / name
                below.parent.mkdir(parents=True, exist_ok=True)
                below.write_bytes(content)


main()
