"""Fills missing values with what the training rows say."""

from pandas.api.types import is_numeric_dtype

import evertrain


def impute(train, test, target):
    known, held_out = train.read_table(), test.read_table()
    fills = {name: usual(known[name]) for name in known if name != target}
    gaps = sum(int(frame[list(fills)].isna().sum().sum()) for frame in (known, held_out))
    return {"train": known.fillna(fills), "test": held_out.fillna(fills), "fills": fills, "filled": gaps}


def usual(column):
    if column.isna().all():
        raise evertrain.UserError(f"column {column.name!r} has no value in the training rows: nothing can fill its gaps")
    return float(column.median()) if is_numeric_dtype(column) else str(column.mode()[0])
