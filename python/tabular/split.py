"""Splits a table into training and held-out rows by the run's seed."""

from sklearn.model_selection import train_test_split

import evertrain


def split(table, target, stratify, testShare, ctx):
    frame = table.read_table()
    if target not in frame:
        raise evertrain.UserError(f"the table has no column {target!r}; it has {', '.join(frame)}")
    labels = frame[target] if stratify else None
    if labels is not None and labels.value_counts().min() < 2:
        raise evertrain.UserError(f"a value of {target!r} occurs once: it cannot be in both parts of a stratified split")
    train, test = train_test_split(frame, test_size=testShare, stratify=labels, random_state=ctx.seed)
    return {
        "train": train.reset_index(drop=True),
        "test": test.reset_index(drop=True),
        "trainRows": len(train),
        "testRows": len(test),
    }
