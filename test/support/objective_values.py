"""The functions of direct_optuna.py for a study that runs elsewhere.

In: lines of JSON, ``{"function", "params"}``. Out: for each the line of its values, in their order.
"""

import json
import sys

from direct_optuna import FUNCTIONS
from optuna.trial import FixedTrial

if __name__ == "__main__":
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(FUNCTIONS[asked["function"]](FixedTrial(asked["params"]))), flush=True)
