import evertrain
import joblib
import numpy
from sklearn.linear_model import SGDClassifier
from sklearn.tree import DecisionTreeClassifier


# plain functions of the step's input; what they return is its output
def train(table, depth, ctx):
    X, y = measures(table.read_table(), held=False)
    tree = DecisionTreeClassifier(max_depth=depth, random_state=ctx.seed)
    return {"model": saved(tree.fit(X, y), ctx)}


def evaluate(table, model, ctx):
    X, y = measures(table.read_table(), held=True)
    accuracy = float((joblib.load(model).predict(X) == y).mean())
    ctx.metric("accuracy", accuracy)
    return {"accuracy": accuracy}


def preprocess(table):
    frame = table.read_table()
    X, _ = measures(frame, held=False)
    mean, scale = X.mean(axis=0).tolist(), X.std(axis=0).tolist()
    return {"train": frame[~frame.held], "test": frame[frame.held], "mean": mean, "scale": scale}


def train_scaled(table, mean, scale, ctx):
    X, y = measures(table.read_table(), held=False)
    return {"model": saved(SGDClassifier(random_state=ctx.seed).fit((X - mean) / scale, y), ctx)}


def evaluate_scaled(table, mean, scale, model):
    X, y = measures(table.read_table(), held=True)
    return {"accuracy": float((joblib.load(model).predict((X - mean) / scale) == y).mean())}


def train_long(table, epochs, ctx):
    X, y = measures(table.read_table(), held=False)
    found = ctx.resume()
    epoch, fitted = joblib.load(found.path) if found else (0, SGDClassifier(random_state=ctx.seed))
    for epoch in range(epoch, epochs):
        fitted.partial_fit(X, y, classes=numpy.unique(y))
        path = ctx.work_dir / f"epoch-{epoch}"
        joblib.dump((epoch + 1, fitted), path)
        ctx.checkpoint(path, epoch=epoch)
        ctx.progress((epoch + 1) / epochs)
    return {"model": saved(fitted, ctx)}


def measures(frame, held):
    frame = frame[frame.held == held]
    names = sorted(name for name in frame.columns if name.startswith("m"))
    return frame[names].to_numpy("float64"), frame.species.to_numpy(str)


def saved(fitted, ctx):
    path = ctx.work_dir / "model.joblib"
    joblib.dump(fitted, path)
    return evertrain.File(path)
