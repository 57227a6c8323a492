/*
 * enqueue QUEUE COUNT SIZE full|none THREADS
 *
 * Each item by itself: open, fchmod, write, fstat and fsync, open of queue/, link, fstat and lstat of
 * queue/, fsync of it, close of both, unlink; `none` leaves out what the syncs need. More threads
 * do the same at the same time.
 */
#include "create.h"

static long count, next;
static int durable;
static char directory[PATH_MAX];

static void *enqueue(void *nothing) {
  char name[NAME_MAX + 1];
  for (;;) {
    long number = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED);
    if (number >= count) return nothing;
    int fd = create_item(number, name);
    if (durable) {
      sync_file(fd);
      int parent = open_directory(directory);
      link_item(name);
      sync_directory(parent, directory);
    } else {
      link_item(name);
    }
    CHECK(close(fd));
    unlink_item(name);
  }
}

int main(int argc, char **argv) {
  if (argc != 6) return 2;
  queue = argv[1];
  count = atol(argv[2]);
  make_body(argv[3]);
  durable = strcmp(argv[4], "full") == 0;
  path_of(directory, "%s/queue", queue);
  wait_for_go();
  run_threads(atoi(argv[5]), enqueue);
  report(count, 0);
  return 0;
}
