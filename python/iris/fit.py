"""Fits one classifier; the parts that score and export it are those of python/tabular, which say what it must hold."""

import joblib
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import evertrain

FEATURES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]


def estimator(algorithm, seed):
    if algorithm == "random_forest":
        return RandomForestClassifier(n_estimators=60, random_state=seed)
    if algorithm == "gradient_boosting":
        return GradientBoostingClassifier(n_estimators=40, random_state=seed)
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=500, random_state=seed))


def fit(train, algorithm, seed, ctx):
    frame = train.read_table()
    X, y = frame[FEATURES].astype("float32"), frame["species"].to_numpy(str)
    model = estimator(algorithm, seed)
    scores = cross_val_score(model, X, y, cv=5)
    for fold, score in enumerate(scores):
        ctx.metric("fold_accuracy", float(score), at=fold)
    model.fit(X, y)
    path = ctx.work_dir / "model.joblib"
    usual = str(frame["species"].mode()[0])
    joblib.dump(
        {"estimator": model, "target": "species", "features": FEATURES, "categories": [], "usual": usual}, path
    )
    return {"model": evertrain.File(path), "algorithm": algorithm, "accuracy": float(scores.mean())}
