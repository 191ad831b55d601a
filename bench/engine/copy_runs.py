"""Grows the database of a stopped engine: `copy_runs.py DATABASE MEGABYTES`.

Copies its closed runs, with all that deletion by retention looks up (history, state, visibility, timer), under ids of the
same length, until the file is that large. Prints how many runs it has then.
"""
import sqlite3
import sys
import uuid

database, megabytes = sys.argv[1], float(sys.argv[2])
db = sqlite3.connect(database, isolation_level=None)
db.execute("PRAGMA journal_mode=off")
db.execute("PRAGMA synchronous=0")
db.execute("PRAGMA cache_size=-1000000")
own = "workflow_id LIKE 'temporal-sys-%'"


def columns(table):
    return [row[1] for row in db.execute(f"PRAGMA table_info({table})")]


def rows(table, where, *values):
    names = columns(table)
    return names, db.execute(f"SELECT {','.join(names)} FROM {table} WHERE {where}", values).fetchall()


def seeds():
    """Of each run: its rows by table, and the ids that a copy has others for."""
    for run, workflow in db.execute(f"SELECT run_id, workflow_id FROM executions WHERE NOT {own}").fetchall():
        text = str(uuid.UUID(bytes=run))
        found = {
            table: rows(table, "run_id = ?", text if table == "executions_visibility" else run)
            for table in ("executions", "current_executions", "executions_visibility")
        }
        names, trees = rows("history_tree", "instr(data, ?) > 0", workflow.encode())
        tree, branch = (trees[0][names.index(name)] for name in ("tree_id", "branch_id"))
        found["history_tree"] = names, trees
        found["history_node"] = rows("history_node", "tree_id = ?", tree)
        # The latest timer is the one that ends the retention.
        names, timers = rows("timer_tasks", "instr(data, ?) > 0 ORDER BY visibility_timestamp DESC LIMIT 1", text.encode())
        found["timer_tasks"] = names, timers
        yield found, workflow, {run, tree, branch}


def renamer(workflow, number, ids):
    pairs = [(workflow.encode(), f"{number:0{len(workflow)}}".encode())]
    for old in ids:
        new = uuid.uuid4()
        pairs += [(old, new.bytes), (str(uuid.UUID(bytes=old)).encode(), str(new).encode())]

    def rename(value):
        if not isinstance(value, (bytes, str)):
            return value
        data = value if isinstance(value, bytes) else value.encode()
        for old, new in pairs:
            data = data.replace(old, new)
        return data if isinstance(value, bytes) else data.decode()

    return rename


def size():
    pages, bytes_each = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    return pages * bytes_each / 1e6


originals = list(seeds())
number = len(originals)
task = db.execute("SELECT max(task_id) FROM timer_tasks").fetchone()[0]
while size() < megabytes:
    db.execute("BEGIN")
    for found, workflow, ids in originals:
        rename = renamer(workflow, number, ids)
        number += 1
        for table, (names, old) in found.items():
            new = [tuple(rename(value) for value in row) for row in old]
            if table == "timer_tasks":
                task += 1
                new = [tuple(task if name == "task_id" else value for name, value in zip(names, row)) for row in new]
            db.executemany(f"INSERT INTO {table} ({','.join(names)}) VALUES ({','.join('?' * len(names))})", new)
    db.execute("COMMIT")
print(number)
