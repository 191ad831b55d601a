"""The work of a trivial step, for the peers and for our own Python steps."""


def fibo(n):
    return n if n < 2 else fibo(n - 1) + fibo(n - 2)


def job(n):
    """For our steps, which answer with named fields."""
    return {"value": fibo(n)}
