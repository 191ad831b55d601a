"""Saves a scikit-learn classifier for MLflow: `python mlflow_model.py <folder>`. The same as test/fixtures/onnx's iris-v1."""

import sys

import mlflow.sklearn
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

data = load_iris()
model = make_pipeline(StandardScaler(), LogisticRegression()).fit(data.data, data.target)
# Given, so that MLflow does not start the model to find them out.
mlflow.sklearn.save_model(model, sys.argv[1], pip_requirements=["scikit-learn"], serialization_format="cloudpickle")
