"""Adds a record to `records.txt` for every state that has none yet: `python -m tests.infrastructure.records.golden`.

The present records were made by the former codec, at commit 091aa0e, with the class names of that commit. The records
with "before former secrets" in their names were made by an older one, at commit 1eb108d. The records with "imported" in
their names were made by the first version that imports secrets. A record is never made again: it shows the bytes that a
former version stored.
"""

import base64

from infrastructure.crypto.derivation import HkdfDerivation
from infrastructure.records.codec import RecordCodec
from infrastructure.records.shared_record import SharedRecord
from tests.infrastructure.records.golden import FILE, records
from tests.infrastructure.records.golden.states import KEYS, MASTER, SHARED, STATES

codec = RecordCodec(KEYS, HkdfDerivation(MASTER))
made = {name: codec.encode(state) for name, state in STATES.items()}
made["authenticators"], _ = SharedRecord().changed(codec, [(state.id, state, ()) for state in SHARED], 0)
with FILE.open("a") as file:
    for name in made.keys() - records().keys():
        file.write(f"{name}: {base64.b64encode(made[name]).decode()}\n")
