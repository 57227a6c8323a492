/*
 * batch QUEUE COUNT SIZE BATCH syncfs|fsync
 *
 * Items in batches: open tmp/; create and write all; one syncfs, or an fsync of each; open queue/, link
 * all, fstat and lstat of queue/, fsync of it, close it; close and unlink all.
 */
#include "create.h"

int main(int argc, char **argv) {
  if (argc != 6) return 2;
  queue = argv[1];
  long count = atol(argv[2]), batch = atol(argv[4]);
  make_body(argv[3]);
  int whole = strcmp(argv[5], "syncfs") == 0;
  char ready[PATH_MAX], tmp[PATH_MAX];
  path_of(ready, "%s/queue", queue);
  path_of(tmp, "%s/tmp", queue);
  char(*names)[NAME_MAX + 1] = calloc(batch, sizeof *names);
  int *fds = calloc(batch, sizeof *fds);
  struct rlimit files = {batch + 64, batch + 64}, allowed;
  CHECK(getrlimit(RLIMIT_NOFILE, &allowed));
  if (allowed.rlim_cur < files.rlim_cur) {
    files.rlim_max = allowed.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &files));
  }
  wait_for_go();
  for (long done = 0; done < count;) {
    long size = count - done < batch ? count - done : batch;
    int directory = open_directory(tmp); /* Before the first write, whose failure syncfs tells. */
    for (long i = 0; i < size; i++) fds[i] = create_item(done + i, names[i]);
    if (whole) CHECK(syncfs(directory));
    for (long i = 0; i < size && !whole; i++) CHECK(fsync(fds[i]));
    int parent = open_directory(ready);
    for (long i = 0; i < size; i++) link_item(names[i]);
    sync_directory(parent, ready);
    for (long i = 0; i < size; i++) {
      CHECK(close(fds[i]));
      unlink_item(names[i]);
    }
    CHECK(close(directory));
    done += size;
  }
  report(count, 0);
  return 0;
}
