"""Opens what Candour sealed and seals for Candour, one content of every length up to LONGEST.

usage: cobblestone.py KEY_HEX CONTEXT_HEX LONGEST
Reads and writes frames: length (4 bytes, big-endian), bytes.
"""

import sys

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor

KEY, CONTEXT = bytes.fromhex(sys.argv[1]), bytes.fromhex(sys.argv[2])
LONGEST = int(sys.argv[3])
CONTENT = bytes((at * 7 + at // 251) % 256 for at in range(LONGEST))


def opened(sealed, context=CONTEXT):
    decryptor = Cobblestone256Decryptor(KEY, context)
    return decryptor.update(sealed) + decryptor.finalize()


def refuses(sealed, context=CONTEXT):
    try:
        opened(sealed, context)
    except Exception:
        return True
    return False


def write(frame):
    sys.stdout.buffer.write(len(frame).to_bytes(4, "big"))
    sys.stdout.buffer.write(frame)


def main():
    for length in range(LONGEST + 1):
        size = int.from_bytes(sys.stdin.buffer.read(4), "big")
        sealed = sys.stdin.buffer.read(size)
        if opened(sealed) != CONTENT[:length]:
            sys.exit(f"length {length}: opened to something else")
        if length % 16384 in (0, 1, 16383) or length < 64:
            changed = bytearray(sealed)
            changed[length % size] ^= 1
            if not (refuses(bytes(changed)) and refuses(sealed[:-1]) and refuses(sealed, b"elsewhere")):
                sys.exit(f"length {length}: a damaged one was opened")
        encryptor = Cobblestone256Encryptor(KEY, CONTEXT)
        write(encryptor.update(CONTENT[:length]) + encryptor.finalize())
    write(b"all of ours opened; every damaged one was refused")
    sys.stdout.buffer.flush()


main()
