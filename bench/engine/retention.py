"""`retention.py DATABASE end` ends the retention of all closed runs of a stopped engine: moves the timers that wait for it
to a time that is past. `retention.py DATABASE count` changes nothing. Both print how many runs there are.
"""
import sqlite3
import sys

db = sqlite3.connect(sys.argv[1], timeout=60)
if sys.argv[2] == "end":
    later = "visibility_timestamp > datetime('now', '12 hours')"
    db.execute(f"UPDATE timer_tasks SET visibility_timestamp = datetime('now') || '+00:00' WHERE {later}")
    db.commit()
print(db.execute("SELECT count(*) FROM executions WHERE workflow_id NOT LIKE 'temporal-sys-%'").fetchone()[0])
