/*
 * finish QUEUE COUNT full|none|leave THREADS [PROGRAM]
 *
 * List and sort queue/; then for each item, up to COUNT: look for the down file, open, fstat, flock
 * and lstat (the check of section 5 of fsq(7)), then lstat and futimens, open done/, renameat2 into
 * it, with `full` an fstat and an fsync of it, close both. With a program, that is run in between, its
 * standard input the item. `leave` leaves out everything after the check: a scan.
 */
#include "listing.h"
#include <spawn.h>
#include <sys/wait.h>

static const char *queue, *program;
static char done_directory[PATH_MAX], down[PATH_MAX];
static long count, finished, next;
static int threads, finishing, durable;
static int64_t first;
extern char **environ;

static void run_program(int fd) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fd, 0);
  char *arguments[] = {(char *)program, NULL};
  pid_t child;
  int status;
  if (posix_spawn(&child, program, &actions, NULL, arguments, environ) != 0) exit(1);
  CHECK(waitpid(child, &status, 0));
  if (status != 0) exit(1);
  posix_spawn_file_actions_destroy(&actions);
}

static void move_to_done(const char *from, const char *name) {
  int done = open_directory(done_directory);
  CHECK(renameat2(AT_FDCWD, from, done, name, RENAME_NOREPLACE));
  if (durable) sync_file(done);
  CHECK(close(done));
}

/* 0 where the item is somebody else's. */
static int work_on(const char *name) {
  char from[PATH_MAX];
  struct stat stat;
  path_of(from, "%s/queue/%s", queue, name);
  if (lstat(down, &stat) == 0) exit(1);
  int fd = open(from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return 0;
  CHECK(fstat(fd, &stat));
  int ours = flock(fd, LOCK_EX | LOCK_NB) == 0 && same_file(&stat, from);
  if (ours && program != NULL) run_program(fd);
  if (ours && finishing) {
    if (!same_file(&stat, from)) exit(1);
    CHECK(futimens(fd, NULL));
    move_to_done(from, name);
  }
  CHECK(close(fd));
  return ours;
}

static void *work(void *nothing) {
  for (;;) {
    long number = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED);
    if (number >= listed) return nothing;
    if (__atomic_load_n(&finished, __ATOMIC_RELAXED) >= count) return nothing;
    if (!work_on(entries[number].name)) continue;
    if (__atomic_fetch_add(&finished, 1, __ATOMIC_RELAXED) == 0) first = now();
  }
}

int main(int argc, char **argv) {
  if (argc != 5 && argc != 6) return 2;
  char directory[PATH_MAX];
  queue = argv[1];
  count = atol(argv[2]);
  finishing = strcmp(argv[3], "leave") != 0;
  durable = strcmp(argv[3], "full") == 0;
  threads = atoi(argv[4]);
  program = argc == 6 ? argv[5] : NULL;
  path_of(directory, "%s/queue", queue);
  path_of(done_directory, "%s/done", queue);
  path_of(down, "%s/down", queue);
  wait_for_go();
  list_items(directory);
  run_threads(threads, work);
  report(finished, first);
  return 0;
}
