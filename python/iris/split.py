"""Stratified split of the iris table."""

from sklearn.model_selection import train_test_split


def split(table, testShare, ctx):
    frame = table.read_table()
    train, test = train_test_split(
        frame, test_size=testShare, stratify=frame["species"], random_state=ctx.seed
    )
    return {
        "train": train.reset_index(drop=True),
        "test": test.reset_index(drop=True),
        "trainRows": len(train),
        "testRows": len(test),
    }
