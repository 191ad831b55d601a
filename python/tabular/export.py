"""Exports a fitted model as ONNX, with a request that whoever serves it must answer like scikit-learn.

Features that are all numbers go in side by side as one tensor; with words among them, each column is an input of its
own. `evertrain.features` in the file names the columns in order.
"""

import json

from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.base import is_classifier

import evertrain
import model_file

SAMPLE_ROWS = 3


def export(model, data, ctx):
    fitted = model_file.load(model)
    estimator, features, categories = fitted["estimator"], fitted["features"], fitted["categories"]
    sample = model_file.inputs(data.read_table()[:SAMPLE_ROWS], features, categories)
    options = {"zipmap": False} if is_classifier(estimator) else None
    exported = to_onnx(estimator, initial_types=inputs(features, categories), options=options, target_opset=17)
    names = exported.metadata_props.add()
    names.key, names.value = "evertrain.features", json.dumps(features)
    path = ctx.work_dir / "model.onnx"
    path.write_bytes(exported.SerializeToString(deterministic=True))
    return {
        "model": evertrain.File(path, media_type="application/onnx"),
        "golden": {
            "request": {"inputs": request(exported.graph.input, sample, features, categories)},
            "response": {"outputs": response(exported.graph.output, estimator, sample)},
            "tolerance": 1e-4,
        },
    }


def inputs(features, categories):
    if not categories:
        return [("X", FloatTensorType([None, len(features)]))]
    return [(name, (StringTensorType if name in categories else FloatTensorType)([None, 1])) for name in features]


def request(declared, sample, features, categories):
    if not categories:
        return [tensor(declared[0].name, "FP32", sample.to_numpy())]
    for one, name in zip(declared, features, strict=True):
        if one.name != name:
            raise evertrain.UserError(f"column {name!r} cannot name an input in ONNX; {one.name!r} could: rename it")
    return [
        tensor(name, "BYTES" if name in categories else "FP32", sample[[name]].to_numpy()) for name in features
    ]


def response(declared, estimator, sample):
    if not is_classifier(estimator):
        return [tensor(declared[0].name, "FP32", estimator.predict(sample).reshape(-1, 1))]
    label, probabilities = declared
    return [
        tensor(label.name, "BYTES", estimator.predict(sample)),
        tensor(probabilities.name, "FP32", estimator.predict_proba(sample)),
    ]


def tensor(name, datatype, values):
    # A 32-bit number by its own shortest text: 0.24, not the 0.23999999463558197 that it is in 64 bits.
    convert = str if datatype == "BYTES" else lambda value: float(str(value))
    return {
        "name": name,
        "datatype": datatype,
        "shape": list(values.shape),
        "data": [convert(value) for value in values.ravel()],
    }
