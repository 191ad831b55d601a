"""A fitted model as it travels between the steps, kept with joblib: only the Python side of the pipelines opens it.

A dictionary of `estimator`, `target`, `features` (the columns, in the order in which the estimator takes them),
`categories` (those of them that hold words), `usual` (the answer to give when no feature is known) and `group` (the
column by which rows are alike, or None).
"""

import joblib


def save(path, **parts):
    joblib.dump(parts, path)


def load(artifact):
    return joblib.load(artifact.path)


def inputs(frame, features, categories):
    """The features as the estimator takes them and as ONNX knows them: numbers of 32 bits, and words."""
    return frame[features].astype({name: "object" if name in categories else "float32" for name in features})
