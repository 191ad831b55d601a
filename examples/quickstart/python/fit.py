"""Runs in the Python environment of the `requirements.txt` beside it: scikit-learn, pandas, ONNX, and what you add."""

import evertrain
import joblib
import pandas
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_score


def fit(train, depth, ctx):
    features, labels = read(train)
    forest = RandomForestClassifier(n_estimators=50, max_depth=depth, random_state=ctx.seed)
    scores = cross_val_score(forest, features, labels, cv=5)
    for fold, score in enumerate(scores):
        ctx.metric("fold_accuracy", float(score), at=fold)
    forest.fit(features, labels)
    trained = ctx.work_dir / "forest.joblib"
    joblib.dump(forest, trained)
    model = to_onnx(
        forest,
        initial_types=[("X", FloatTensorType([None, features.shape[1]]))],
        options={"zipmap": False},
        target_opset=17,
    )
    path = ctx.work_dir / "model.onnx"
    path.write_bytes(model.SerializeToString(deterministic=True))
    return {
        "model": evertrain.File(path, media_type="application/onnx"),
        "trained": evertrain.File(trained),
        "accuracy": float(scores.mean()),
        "golden": golden(forest, features[:3]),
    }


def evaluate(model, data):
    features, labels = read(data)
    predicted = joblib.load(model.path).predict(features)
    rows = pandas.DataFrame({"truth": labels, "predicted": predicted})
    return {"metrics": {"accuracy": float((rows.truth == rows.predicted).mean())}, "perRow": rows}


def read(table):
    """The last column is what is to be told."""
    frame = pandas.read_csv(table.path)
    return frame.iloc[:, :-1].to_numpy("float32"), frame.iloc[:, -1].to_numpy(str)


def golden(forest, sample):
    """A request that whoever serves the model must answer as it is answered here."""
    labels, probabilities = forest.predict(sample), forest.predict_proba(sample)
    return {
        "request": {"inputs": [tensor("X", "FP32", sample)]},
        "response": {
            "outputs": [
                tensor("label", "BYTES", labels),
                tensor("probabilities", "FP32", probabilities),
            ]
        },
        "tolerance": 1e-4,
    }


def tensor(name, datatype, values):
    return {"name": name, "datatype": datatype, "shape": list(values.shape), "data": values.ravel().tolist()}
