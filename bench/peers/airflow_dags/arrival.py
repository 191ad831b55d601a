"""The DAG that an asset's event starts; its only task tells the clock at which it began."""

import os
import pathlib
import time

from airflow.sdk import DAG, Asset, task

asset = Asset("bench_arrival")

with DAG("bench_arrival", schedule=[asset], catchup=False):

    @task
    def first(triggering_asset_events=None) -> None:
        begun = repr(time.time())
        folder = pathlib.Path(os.environ["BENCH_BEGUN"])
        id = triggering_asset_events[asset][-1].extra["id"]
        (folder / f"begun-{id}").write_text(begun)
        (folder / f"ended-{id}").touch()

    first()
