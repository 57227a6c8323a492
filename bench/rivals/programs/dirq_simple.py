"""Adds elements to a dirq QueueSimple, or removes them after reading each."""

from dirq.QueueSimple import QueueSimple

from gate import measured, task

queue = QueueSimple(task["directory"] + "/" + task["queue"])


def add(count):
    body = b"x" * 1024
    for _ in range(count):
        queue.add(body)
    return count


def work(count):
    done = 0
    for name in queue:
        if not queue.lock(name):
            continue
        queue.get(name)
        queue.remove(name)
        done += 1
    return done


measured(lambda: (work if task["work"] else add)(task["count"]))
