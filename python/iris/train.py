"""Trains a small network by epochs, so that a search can leave it where it leads nowhere, and go on where it does.

One network learns from all rows; beside it, one from all but each third of them: together these tell the loss on rows
that a network has not seen. A checkpoint after each epoch holds them whole, with their optimizers and random states.

The parts that score and export the model are those of python/tabular, which say what it must hold.
"""

import pickle

import joblib
import numpy as np
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import evertrain

FEATURES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]


def train(train, params, budget, ctx):
    frame = train.read_table()
    X, y = frame[FEATURES].to_numpy("float32"), frame["species"].to_numpy(str)
    folds = list(StratifiedKFold(3, shuffle=True, random_state=0).split(X, y))
    rows_of = [*(known for known, _ in folds), np.arange(len(y))]
    path = ctx.work_dir / "networks.pickle"
    resumed = ctx.resume()
    if resumed:
        done, state = resumed.meta, resumed.path.read_bytes()
    else:
        done, state = {"epoch": 0}, pickle.dumps([network(X[rows], params, ctx.seed) for rows in rows_of])
    while done["epoch"] < budget:
        # From its bytes, as when it goes on from the checkpoint: the two end in the same bytes, too.
        networks = pickle.loads(state)
        for (scaler, classifier), rows in zip(networks, rows_of, strict=True):
            classifier.partial_fit(scaler.transform(X[rows]), y[rows], classes=np.unique(y))
        done = {"epoch": done["epoch"] + 1, **scores(networks, folds, X, y)}
        ctx.metric("loss", done["loss"], at=done["epoch"])
        ctx.metric("accuracy", done["accuracy"], at=done["epoch"])
        state = pickle.dumps(networks)
        path.write_bytes(state)
        ctx.checkpoint(path, **done)
    model = ctx.work_dir / "model.joblib"
    *_, whole = pickle.loads(state)
    usual = str(frame["species"].mode()[0])
    joblib.dump(
        {"estimator": whole, "target": "species", "features": FEATURES, "categories": [], "usual": usual}, model
    )
    return {"model": evertrain.File(model), "loss": done["loss"], "accuracy": done["accuracy"]}


def network(X, params, seed):
    classifier = MLPClassifier(
        hidden_layer_sizes=(params["hidden_units"],),
        learning_rate_init=params["learning_rate"],
        alpha=params["weight_decay"],
        batch_size=16,
        # A generator, not a number: with a number, each epoch would visit the rows in the same order.
        random_state=np.random.RandomState(seed),
    )
    return make_pipeline(StandardScaler().fit(X), classifier)


def scores(networks, folds, X, y):
    """Cross-entropy and accuracy, on each row by the network that has not seen it."""
    classes = np.unique(y)
    shares = np.empty((len(y), len(classes)), X.dtype)
    for one, (_, unseen) in zip(networks, folds, strict=False):
        shares[unseen] = one.predict_proba(X[unseen])
    return {
        "loss": float(log_loss(y, shares, labels=classes)),
        "accuracy": float(accuracy_score(y, classes[shares.argmax(axis=1)])),
    }
