"""A small scikit-learn trial: as a job by the contract, and as a script of its own."""

import json
import sys
import time

from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier


def fit(trees, ctx=None):
    began = time.perf_counter()
    features, labels = load_iris(return_X_y=True)
    forest = RandomForestClassifier(n_estimators=trees, random_state=0).fit(features, labels)
    return {"accuracy": float(forest.score(features, labels)), "fit_ms": 1000 * (time.perf_counter() - began)}


if __name__ == "__main__":
    json.dump(fit(int(sys.argv[1])), sys.stdout)
