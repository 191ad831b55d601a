"""Runs in the Python environment of the `requirements.txt` beside it: scikit-learn, pandas, ONNX, and what you add."""

import evertrain
import pandas
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_score


def fit(table, depth, ctx):
    frame = pandas.read_csv(table.path)
    target = frame.columns[-1]
    features = frame.drop(columns=target).astype("float32").to_numpy()
    forest = RandomForestClassifier(n_estimators=50, max_depth=depth, random_state=ctx.seed)
    scores = cross_val_score(forest, features, frame[target], cv=5)
    for fold, score in enumerate(scores):
        ctx.metric("fold_accuracy", float(score), at=fold)
    forest.fit(features, frame[target])
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
        "accuracy": float(scores.mean()),
        "golden": golden(forest, features[:3]),
    }


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
