"""A scanner of its own, written from fsq(7) alone: scanner.py QUEUE LOG GATE N [PROGRAM ARG...]

Works on the items of a queue until none is left, and moves each to done/. An item is worked on by
writing its name to LOG, or by running a program that has it as its standard input and its name as
the last argument. With its first item it waits at the GATE, a directory, until N scanners do; not where N is 0.
"""

import fcntl
import os
import subprocess
import sys
import time

queue, log_path, gate, scanners, *program = sys.argv[1:]
log = os.open(log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
handled = 0


def wait_at_gate():
    open(f"{gate}/{os.getpid()}", "x").close()
    while len(os.listdir(gate)) < int(scanners):
        time.sleep(0.005)


def work(name, item):
    if program:
        subprocess.run([*program, name], stdin=item, check=True)
    else:
        os.write(log, f"{name}\n".encode())
        os.fsync(log)  # Else it would be so much faster than the others that it met none of them.


def order(name):
    _, timestamp, entropy, *_ = name.split(name[0])
    return timestamp, int(entropy), name


def scan(name):
    global handled
    path = f"{queue}/queue/{name}"
    try:
        item = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return
    try:
        fcntl.flock(item, fcntl.LOCK_EX | fcntl.LOCK_NB)
        there, opened = os.lstat(path), os.fstat(item)
        if (there.st_dev, there.st_ino) != (opened.st_dev, opened.st_ino):
            return
        if handled == 0 and scanners != "0":
            wait_at_gate()
        handled += 1
        work(name, item)
        os.rename(path, f"{queue}/done/{name}")
    except (BlockingIOError, FileNotFoundError):
        return
    finally:
        os.close(item)


while names := sorted(os.listdir(f"{queue}/queue"), key=order):
    for each in names:
        scan(each)
