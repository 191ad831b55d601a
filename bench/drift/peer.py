"""The same check by hand with pandas and SciPy: `peer.py reference.parquet window.parquet`."""

import json
import resource
import sys
import time

import numpy as np
import pandas as pd
from scipy import stats

alpha, threshold, rise = 0.02, 0.2, 0.1


def stability(expected, found):
    kept = expected + found > 0
    expected, found = expected[kept] + 0.5, found[kept] + 0.5
    p, q = expected / expected.sum(), found / found.sum()
    return float(np.sum((q - p) * np.log(q / p)))


def numbers(reference, window):
    edges = np.unique(np.quantile(reference, np.arange(1, 10) / 10))
    counts = [np.bincount(np.searchsorted(edges, side), minlength=len(edges) + 1) for side in (reference, window)]
    return stability(*counts), stats.ks_2samp(reference, window, method="asymp").pvalue


def categories(reference, window):
    counts = pd.concat([reference.value_counts(), window.value_counts()], axis=1).fillna(0).to_numpy().T
    return stability(*counts), stats.chi2_contingency(counts, correction=False).pvalue


def missing(reference, window):
    counts = np.array([[side.isna().sum(), side.notna().sum()] for side in (reference, window)])
    if counts[:, 0].sum() == 0:
        return 0.0, 1.0
    return window.isna().mean() - reference.isna().mean(), stats.chi2_contingency(counts, correction=False).pvalue


def check(reference, window):
    reference, window = pd.read_parquet(reference), pd.read_parquet(window)
    tests = {}
    for name in reference.columns:
        one, other = reference[name].dropna(), window[name].dropna()
        if pd.api.types.is_numeric_dtype(one):
            spread = numbers(one.to_numpy(float), other.to_numpy(float))
        else:
            spread = categories(one, other)
        tests[name] = (spread, missing(reference[name], window[name]))
    level = alpha / (2 * len(tests))
    return sorted(
        name
        for name, ((psi, p), (more, p_missing)) in tests.items()
        if (psi > threshold and p < level) or (more > rise and p_missing < level)
    )


if __name__ == "__main__":
    began, cpu = time.perf_counter(), time.process_time()
    drifted = check(*sys.argv[1:])
    elapsed = 1000 * (time.perf_counter() - began)
    used = 1000 * (time.process_time() - cpu)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    json.dump({"ms": elapsed, "cpuMs": used, "peakMb": peak, "drifted": drifted}, sys.stdout)
