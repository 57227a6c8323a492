"""Enqueues to a queue of the Python fsq in FSQ_ROOT, or works on it, in one process (Python 2)."""

import fsq

from gate import measured, task


def enqueue(queue, count):
    body = "x" * 1024
    for _ in range(count):
        fsq.senqueue(queue, body, "bench")
    return count


def work(queue, count):
    done = 0
    for item in fsq.scan(queue):
        if task.get("read", True):
            item.item.read()
        fsq.success(item)
        done += 1
    return done


queue = task["queue"]
measured(lambda: (work if task["work"] else enqueue)(queue, task["count"]))
