"""The space of bench/search (its contracts.ts) for Optuna's samplers."""


def suggested(trial) -> dict:
    return {
        "n_estimators": trial.suggest_int("n_estimators", 20, 80),
        "max_depth": trial.suggest_int("max_depth", 4, 20),
        "max_features": trial.suggest_float("max_features", 0.05, 0.6),
        "min_samples_leaf": trial.suggest_int("min_samples_leaf", 1, 8),
    }
