"""Exports a fitted classifier as ONNX, with a request that whoever serves it must answer like scikit-learn."""

import json

import joblib
from skl2onnx import to_onnx

import evertrain

FEATURES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]


def export(model, data, ctx):
    fitted = joblib.load(model.path)
    sample = data.read_table()[FEATURES].to_numpy("float32")[:3]
    exported = to_onnx(fitted, sample[:1], options={"zipmap": False}, target_opset=17)
    names = exported.metadata_props.add()
    names.key, names.value = "evertrain.features", json.dumps(FEATURES)
    path = ctx.work_dir / "model.onnx"
    path.write_bytes(exported.SerializeToString(deterministic=True))
    label, probabilities = (output.name for output in exported.graph.output)
    return {
        "model": evertrain.File(path, media_type="application/onnx"),
        "golden": {
            "request": {"inputs": [tensor(exported.graph.input[0].name, "FP32", sample)]},
            "response": {
                "outputs": [
                    {"name": label, "datatype": "BYTES", "shape": [3], "data": [str(x) for x in fitted.predict(sample)]},
                    tensor(probabilities, "FP32", fitted.predict_proba(sample)),
                ]
            },
            "tolerance": 1e-4,
        },
    }


def tensor(name, datatype, values):
    return {
        "name": name,
        "datatype": datatype,
        "shape": list(values.shape),
        "data": [float(value) for value in values.ravel()],
    }
