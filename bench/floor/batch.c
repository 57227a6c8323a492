/*
 * batch QUEUE COUNT SIZE BATCH syncfs|fsync
 *
 * Items in batches: create and write all; one syncfs, or an fsync of each; link all; one fsync of
 * queue/; unlink all.
 */
#include "create.h"

int main(int argc, char **argv) {
  if (argc != 6) return 2;
  queue = argv[1];
  long count = atol(argv[2]), batch = atol(argv[4]);
  make_body(argv[3]);
  int whole = strcmp(argv[5], "syncfs") == 0;
  char directory[PATH_MAX];
  path_of(directory, "%s/queue", queue);
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
    for (long i = 0; i < size; i++) {
      fds[i] = create_item(done + i, names[i]);
      if (whole) CHECK(close(fds[i])); /* It is the file system that is synced, not the file. */
    }
    if (whole) {
      int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      CHECK(fd);
      CHECK(syncfs(fd));
      CHECK(close(fd));
    }
    for (long i = 0; i < size; i++) {
      if (!whole) {
        CHECK(fsync(fds[i]));
        CHECK(close(fds[i]));
      }
      link_item(names[i]);
    }
    sync_directory(directory);
    for (long i = 0; i < size; i++) unlink_item(names[i]);
    done += size;
  }
  report(count, 0);
  return 0;
}
