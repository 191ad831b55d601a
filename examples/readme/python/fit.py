import evertrain
from skl2onnx import to_onnx
from sklearn.model_selection import cross_val_score
from sklearn.tree import DecisionTreeClassifier


# a plain function; ctx has metrics, progress, checkpoints, the seed and a work folder
def fit(table, depth, ctx):
    frame = table.read_table()
    X, y = frame.iloc[:, :-1].to_numpy("float32"), frame.iloc[:, -1].to_numpy(str)
    tree = DecisionTreeClassifier(max_depth=depth, random_state=ctx.seed)
    accuracy = float(cross_val_score(tree, X, y, cv=5).mean())
    ctx.metric("accuracy", accuracy)
    path = ctx.work_dir / "model.onnx"
    path.write_bytes(to_onnx(tree.fit(X, y), X[:1], options={"zipmap": False}, target_opset=17).SerializeToString())
    return {"model": evertrain.File(path), "accuracy": accuracy}
