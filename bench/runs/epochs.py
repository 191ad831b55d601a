"""A training that stands for a long one: each epoch takes a while, and a checkpoint follows it."""

import time


def train(file, epochs, seconds, ctx):
    found = ctx.resume()
    first = 0 if found is None else found.meta["epoch"] + 1
    state = ctx.work_dir / "state"
    for epoch in range(first, epochs):
        with open(file, "a") as began:
            print(epoch, time.time(), file=began)
        time.sleep(seconds)
        state.write_text(str(epoch))
        ctx.checkpoint(state, epoch=epoch)
    return {"from": first}
