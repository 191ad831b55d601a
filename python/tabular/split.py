"""Splits a table into training and held-out rows by a hash of each row, so that a row is always in the same part: what
one split holds out no later one trains on, whatever rows have come since, and two models can be compared on it.

The hash is of the cells of its key as text, numbers as floats, so that neither the type of a column (whole numbers become
floats where one is missing) nor the order of columns and rows moves a row over.
"""

import hashlib
import json
import numbers

import pandas as pd

import evertrain


def split(table, testShare, key):
    frame = table.read_table()
    names = sorted(key)
    absent = [name for name in names if name not in frame]
    if absent:
        raise evertrain.UserError(f"the table has no column {', '.join(absent)}; it has {', '.join(frame)}")
    columns = [frame[name].map(text, na_action=None) for name in names]
    held_out = [place(row) < testShare for row in zip(*columns, strict=True)]
    test = frame[held_out].reset_index(drop=True)
    train = frame[[not one for one in held_out]].reset_index(drop=True)
    if len(train) == 0 or len(test) == 0:
        raise evertrain.UserError(f"of {len(frame)} rows {len(test)} would be held out: they are too few to split")
    return {"train": train, "test": test, "trainRows": len(train), "testRows": len(test)}


def place(cells):
    """From 0 to 1, even over rows."""
    digest = hashlib.blake2b(json.dumps(cells).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def text(cell):
    if pd.isna(cell):
        return ""
    return repr(float(cell)) if isinstance(cell, numbers.Number) else str(cell)
