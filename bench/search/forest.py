"""The trial of bench/search: a forest on digits, cross-validated; the same function for Evertrain and for its peers."""

import time

import numpy
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_score


def digits_table():
    """The features, and the digit in the last column."""
    features, labels = load_digits(return_X_y=True)
    return numpy.column_stack([features, labels])


def trained(params, table):
    """How good the forest is, when its training began (seconds since 1970) and how long it took."""
    began, at = time.time(), time.perf_counter()
    forest = RandomForestClassifier(**params, n_jobs=1, random_state=0)
    accuracy = cross_val_score(forest, table[:, :-1], table[:, -1].astype(int), cv=3).mean()
    return {"accuracy": float(accuracy), "began": began, "seconds": time.perf_counter() - at}


def prepare(ctx):
    path = ctx.work_dir / "digits.npy"
    numpy.save(path, digits_table())
    return {"digits": path}


def score(params, digits):
    return trained(params, numpy.load(digits))
