"""A disk that remembers: a FUSE file system with two files, `disk` and `marks`.

usage: python3 disk.py MOUNTPOINT DISK LOG

`disk` is the file DISK; whoever puts a loop device on it and a file system on that finds in LOG, in
the order in which they came, each write with its bytes, each flush, and each text that somebody
wrote to `marks`. There is one thread and no cache in between (direct_io), so a write that was
answered is in LOG before the flush that follows it, and a mark lies where its writer was just then.

A record is a kind (W, F or M), an offset and a length (little-endian, 8 and 4 bytes), and the bytes.
It prints `ready` once it is mounted and ends when it is unmounted.
"""

import errno
import os
import stat
import struct
import sys

try:
    from fusepy import FUSE, FuseOSError, Operations  # Debian
except ImportError:
    from fuse import FUSE, FuseOSError, Operations


class Disk(Operations):
    use_ns = True

    def __init__(self, disk, log):
        self.disk = os.open(disk, os.O_RDWR)
        self.log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def record(self, kind, offset=0, data=b""):
        rest = memoryview(struct.pack("<cQI", kind, offset, len(data)) + data)
        while rest:
            rest = rest[os.write(self.log, rest) :]

    def init(self, path):
        print("ready", flush=True)

    def readdir(self, path, fh):
        return [".", "..", "disk", "marks"]

    def getattr(self, path, fh=None):
        if path == "/":
            return dict(st_mode=stat.S_IFDIR | 0o755, st_nlink=2)
        size = {"/disk": os.fstat(self.disk).st_size, "/marks": 0}.get(path)
        if size is None:
            raise FuseOSError(errno.ENOENT)
        return dict(st_mode=stat.S_IFREG | 0o600, st_nlink=1, st_size=size)

    def read(self, path, size, offset, fh):
        return os.pread(self.disk, size, offset) if path == "/disk" else b""

    def write(self, path, data, offset, fh):
        if path == "/marks":
            self.record(b"M", 0, data)
        else:
            self.record(b"W", offset, data)
            written = 0
            while written < len(data):
                written += os.pwrite(self.disk, data[written:], offset + written)
        return len(data)

    def fsync(self, path, datasync, fh):
        if path == "/disk":
            self.record(b"F")
        return 0


if __name__ == "__main__":
    mountpoint, disk, log = sys.argv[1:]
    FUSE(
        Disk(disk, log), mountpoint, foreground=True, nothreads=True, direct_io=True, big_writes=True
    )
