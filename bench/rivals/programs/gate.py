"""The gate of programs/gate.mjs, for Python 2 and 3: measured(work), and the task."""

from __future__ import print_function

import json
import resource
import sys
import time

task = json.loads(sys.argv[1])


def measured(work):
    print("ready")
    sys.stdout.flush()
    sys.stdin.readline()
    before = cpu()
    begin = time.time()
    count = work()
    end = time.time()
    result = {"begin": begin * 1e9, "end": end * 1e9, "count": count}
    result["cpu"] = (cpu() - before) * 1e6
    result["rss"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps(result))


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
