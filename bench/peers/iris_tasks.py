"""The five tasks of bench/tutorial for the peers, with the data and the forest of ours. Each takes what the one before it
returned: paths and figures. Ours also exports the forest as ONNX and has a model server load it; these do not.
"""

import csv
import hashlib
import json
import os
import pathlib
import shutil

import joblib
import numpy
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score
from sklearn.model_selection import cross_val_score

source = pathlib.Path(__file__).parents[2] / "data" / "iris.csv"


def ingest(folder: pathlib.Path, seed: int) -> dict:
    folder.mkdir(parents=True)
    with open(source, newline="") as file:
        rows = list(csv.DictReader(file))
    features = [[float(cell) for name, cell in row.items() if name != "species"] for row in rows]
    numpy.savez(folder / "table.npz", X=features, y=[row["species"] for row in rows])
    return {"folder": str(folder), "seed": seed}


def preprocess(before: dict) -> dict:
    """Rows with the same features are on the same side."""
    folder = pathlib.Path(before["folder"])
    table = numpy.load(folder / "table.npz")
    held_out = numpy.array([place(row) < 0.3 for row in table["X"].tolist()])
    for name, rows in (("train", ~held_out), ("test", held_out)):
        numpy.savez(folder / f"{name}.npz", X=table["X"][rows], y=table["y"][rows])
    return before


def place(cells: list) -> float:
    digest = hashlib.blake2b(json.dumps(cells).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def train(before: dict) -> dict:
    folder = pathlib.Path(before["folder"])
    table = numpy.load(folder / "train.npz")
    forest = RandomForestClassifier(n_estimators=60, random_state=before["seed"])
    score = cross_val_score(forest, table["X"], table["y"], cv=3).mean()
    joblib.dump(forest.fit(table["X"], table["y"]), folder / "model.joblib")
    return {**before, "score": float(score)}


def evaluate(before: dict) -> dict:
    folder = pathlib.Path(before["folder"])
    table = numpy.load(folder / "test.npz")
    predicted = joblib.load(folder / "model.joblib").predict(table["X"])
    confusion_matrix(table["y"], predicted)
    macro_f1 = f1_score(table["y"], predicted, average="macro")
    return {**before, "accuracy": float(accuracy_score(table["y"], predicted)), "macro_f1": float(macro_f1)}


def deploy(before: dict) -> dict:
    """The model that is served is a file that takes the place of the one before it."""
    folder = pathlib.Path(before["folder"])
    new = shutil.copy(folder / "model.joblib", folder.parent / f"served-{before['seed']}.joblib")
    joblib.load(new)
    os.replace(new, folder.parent / "served.joblib")
    return before


after_ingest = (preprocess, train, evaluate, deploy)
