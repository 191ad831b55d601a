"""Scores a fitted model on rows that it has not seen."""

import numpy as np
import pandas as pd
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    mean_absolute_error,
    r2_score,
    root_mean_squared_error,
)

import model_file


def classes(model, data):
    fitted = model_file.load(model)
    X, y, alike = held_out(fitted, data)
    truth = y.astype(str)
    predicted = fitted["estimator"].predict(X)
    labels = [str(label) for label in fitted["estimator"].classes_]
    return {
        "metrics": {
            "accuracy": float(accuracy_score(truth, predicted)),
            "macroF1": float(f1_score(truth, predicted, average="macro")),
        },
        "baseline": float((truth == fitted["usual"]).mean()),
        "labels": labels,
        "confusion": confusion_matrix(truth, predicted, labels=labels).tolist(),
        "perRow": pd.DataFrame(
            {
                "truth": truth,
                "predicted": predicted,
                "confidence": fitted["estimator"].predict_proba(X).max(axis=1),
                **alike,
            }
        ),
    }


def numbers(model, data):
    fitted = model_file.load(model)
    X, truth, alike = held_out(fitted, data)
    predicted = fitted["estimator"].predict(X)
    return {
        "metrics": {
            "rmse": float(root_mean_squared_error(truth, predicted)),
            "mae": float(mean_absolute_error(truth, predicted)),
            "r2": float(r2_score(truth, predicted)),
        },
        "baseline": float(root_mean_squared_error(truth, np.full(len(truth), fitted["usual"]))),
        "perRow": pd.DataFrame({"truth": truth, "predicted": predicted, "error": predicted - truth, **alike}),
    }


def held_out(fitted, data):
    frame = data.read_table()
    # A model that was fitted before there were groups has none.
    group = fitted.get("group")
    alike = {} if group is None else {"group": frame[group]}
    inputs = model_file.inputs(frame, fitted["features"], fitted["categories"])
    return inputs, frame[fitted["target"]].to_numpy(), alike
