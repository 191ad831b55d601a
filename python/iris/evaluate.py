"""Scores a fitted classifier on rows that it has not seen."""

import joblib
import pandas as pd
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

FEATURES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]


def evaluate(model, data):
    frame = data.read_table()
    fitted = joblib.load(model.path)
    X, y = frame[FEATURES].to_numpy("float32"), frame["species"].to_numpy(str)
    predicted = fitted.predict(X)
    labels = [str(label) for label in fitted.classes_]
    return {
        "metrics": {
            "accuracy": float(accuracy_score(y, predicted)),
            "macroF1": float(f1_score(y, predicted, average="macro")),
        },
        "labels": labels,
        "confusion": confusion_matrix(y, predicted, labels=labels).tolist(),
        "perRow": pd.DataFrame(
            {"truth": y, "predicted": predicted, "confidence": fitted.predict_proba(X).max(axis=1)}
        ),
    }
