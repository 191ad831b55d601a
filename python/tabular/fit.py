"""Fits one model on a table of numbers and words."""

from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler

import evertrain
import model_file


def fit(train, target, task, algorithm, categories, ctx, features=None, group=None):
    frame = train.read_table()
    features = features or [name for name in frame if name not in (target, group)]
    X, y = model_file.inputs(frame, features, categories), frame[target].to_numpy()
    estimator = make_pipeline(*encoder(categories), *learner(task, algorithm, ctx.seed))
    scores = cross_val_score(estimator, X, y, cv=3)
    for fold, score in enumerate(scores):
        ctx.metric("fold_score", float(score), at=fold)
    estimator.fit(X, y)
    usual = float(y.mean()) if task == "regression" else str(frame[target].mode()[0])
    path = ctx.work_dir / "model.joblib"
    model_file.save(
        path,
        estimator=estimator,
        target=target,
        features=features,
        categories=list(categories),
        usual=usual,
        group=group,
    )
    return {"model": evertrain.File(path), "algorithm": algorithm, "score": float(scores.mean())}


def encoder(categories):
    """Words become their place in the list; a word that is not listed becomes -1."""
    if not categories:
        return ()
    places = OrdinalEncoder(
        categories=list(categories.values()), handle_unknown="use_encoded_value", unknown_value=-1
    )
    return (make_column_transformer((places, list(categories)), remainder="passthrough"),)


def learner(task, algorithm, seed, **chosen):
    """`chosen` are parameters of the trees, as scikit-learn names them."""
    # Trees take numbers as they are. A scaler before them would only move their thresholds, and in the 32 bits of the
    # exported model a row that lies on one could fall to the other side.
    if algorithm == "linear":
        return StandardScaler(), Ridge() if task == "regression" else LogisticRegression(max_iter=500)
    if algorithm == "gradient_boosting":
        boosting = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
        return (boosting(random_state=seed, **chosen),)
    if task == "regression":
        # Small trees on a part of the rows: the exported forest stays at a few megabytes.
        small = {"n_estimators": 40, "min_samples_leaf": 5, "max_samples": 0.3}
        return (RandomForestRegressor(random_state=seed, **{**small, **chosen}),)
    return (RandomForestClassifier(random_state=seed, **{"n_estimators": 60, **chosen}),)
