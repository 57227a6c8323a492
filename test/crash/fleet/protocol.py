"""The protocol of fsq(7) without a line of fsq: protocol.py produce|work QUEUE, until it is killed.

What it does it writes down as producer.mjs and worker.mjs do: see ../fleet-log.ts for the records.
"""

import fcntl
import hashlib
import json
import os
import socket
import sys
import time

role, queue = sys.argv[1:]
by = os.environ["FLEET_NAME"]
pause = float(os.environ["FLEET_PAUSE"])
log = os.open(os.environ["FLEET_LOG"], os.O_WRONLY | os.O_APPEND)


def record(**fields):
    os.write(log, b"\n" + json.dumps(fields).encode())


def enqueue(number):
    body = f"{by} {number} ".encode() + b"z" * (number * 7919 % 20_000)
    digest = hashlib.sha256(body).hexdigest()
    record(at="enqueue", sha256=digest)
    stamp = time.strftime("%Y%m%d%H%M%S")
    name = f"_{stamp}_{number}_{os.getpid()}_{socket.gethostname()}_0_python"
    tmp = f"{queue}/tmp/{name}"
    item = os.open(tmp, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o640)
    os.write(item, body)
    os.fsync(item)
    os.close(item)
    os.link(tmp, f"{queue}/queue/{name}")
    directory = os.open(f"{queue}/queue", os.O_RDONLY)
    os.fsync(directory)
    os.close(directory)
    os.unlink(tmp)
    record(at="enqueued", sha256=digest, id=name)


def order(name):
    _, timestamp, entropy, *_ = name.split(name[0])
    return timestamp, int(entropy), name


def claim_and_work(name):
    path = f"{queue}/queue/{name}"
    try:
        item = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return
    try:
        fcntl.flock(item, fcntl.LOCK_EX | fcntl.LOCK_NB)
        there, opened = os.lstat(path), os.fstat(item)
        if (there.st_dev, there.st_ino) == (opened.st_dev, opened.st_ino):
            work(name, path, item)
    except (BlockingIOError, FileNotFoundError):
        return  # Somebody has it, or had it.
    finally:
        os.close(item)


def work(name, path, item):
    with os.fdopen(os.dup(item), "rb") as body:
        digest = hashlib.sha256(body.read()).hexdigest()
    record(at="begin", sha256=digest, id=name, by=by)
    if digest[0] in "456":
        time.sleep(pause)
    fields = name.split("_")
    operation = "fail" if digest[0] == "4" else "done"
    target = f"{queue}/{operation}/{name}"
    if fields[5] == "0" and digest[0] in "0123":
        operation = "retry"
        fields[5] = "1"
        target = f"{queue}/queue/{'_'.join(fields)}"
    record(at="end", sha256=digest, by=by, operation=operation)
    try:
        os.rename(path, target)
        record(at="finished", sha256=digest, by=by, id=os.path.basename(target))
    except OSError as error:
        record(at="odd", by=by, message=f"{name}: {error}")


number = 0
while True:
    if role == "produce":
        enqueue(number)
        number += 1
        time.sleep(0.005)
    else:
        for each in sorted(os.listdir(f"{queue}/queue"), key=order):
            claim_and_work(each)
        time.sleep(0.005)
