"""Regressions whose algorithm and parameters are chosen from outside, by a search for example."""

from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

import evertrain
import fit as tabular
import model_file


def trial(train, target, categories, params, ctx):
    """The error on a fifth of the rows, in every trial of a search the same, of a model of the others."""
    frame = train.read_table()
    features = [name for name in frame if name != target]
    known, held_out = train_test_split(frame, test_size=0.2, random_state=0)
    estimator = regression(categories, params, ctx.seed)
    estimator.fit(model_file.inputs(known, features, categories), known[target].to_numpy())
    predicted = estimator.predict(model_file.inputs(held_out, features, categories))
    return {"rmse": float(root_mean_squared_error(held_out[target], predicted))}


def fit(train, target, categories, params, ctx):
    frame = train.read_table()
    features = [name for name in frame if name != target]
    y = frame[target].to_numpy()
    estimator = regression(categories, params, ctx.seed).fit(model_file.inputs(frame, features, categories), y)
    path = ctx.work_dir / "model.joblib"
    model_file.save(
        path,
        estimator=estimator,
        target=target,
        features=features,
        categories=list(categories),
        usual=float(y.mean()),
    )
    return {"model": evertrain.File(path)}


def regression(categories, params, seed):
    chosen = dict(params)
    learner = tabular.learner("regression", chosen.pop("algorithm"), seed, **chosen)
    return make_pipeline(*tabular.encoder(categories), *learner)
