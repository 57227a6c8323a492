/*
 * What the programs of the floor share: they stop at the first failure, and begin together.
 *
 * A program says `ready` on stdout, waits for a line on stdin, works, and prints when it began and
 * ended (CLOCK_MONOTONIC, in ns, which Node.js tells too), how many items it did and what they cost.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CHECK(call) ((call) >= 0 ? (void)0 : (perror(#call), exit(1)))

static int64_t now(void) {
  struct timespec t;
  CHECK(clock_gettime(CLOCK_MONOTONIC, &t));
  return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int64_t cpu_us(void) {
  struct rusage u;
  CHECK(getrusage(RUSAGE_SELF, &u));
  return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * INT64_C(1000000) + u.ru_utime.tv_usec +
         u.ru_stime.tv_usec;
}

static int64_t began, began_cpu;

static void wait_for_go(void) {
  puts("ready");
  fflush(stdout);
  if (getchar() == EOF) exit(1);
  began_cpu = cpu_us();
  began = now();
}

/* `first`: when the first item was there, or 0. */
static void report(long count, int64_t first) {
  int64_t ended = now();
  struct rusage u;
  CHECK(getrusage(RUSAGE_SELF, &u));
  printf("{\"begin\":%lld,\"end\":%lld,\"first\":%lld,\"count\":%ld,\"cpu\":%lld,\"rss\":%ld}\n",
         (long long)began, (long long)ended, (long long)first, count,
         (long long)(cpu_us() - began_cpu), u.ru_maxrss);
}

static inline char *path_of(char path[PATH_MAX], const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  if (vsnprintf(path, PATH_MAX, format, arguments) >= PATH_MAX) exit(1);
  va_end(arguments);
  return path;
}

static inline int open_directory(const char *path) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  CHECK(fd);
  return fd;
}

/* The fstat tells how long it may take: fsq makes a short sync in the thread that waits for it. */
static inline void sync_file(int fd) {
  struct stat stat;
  CHECK(fstat(fd, &stat));
  CHECK(fsync(fd));
}

/* Whether the path means the open file. */
static inline int same_file(const struct stat *open, const char *path) {
  struct stat there;
  if (lstat(path, &there) < 0) return 0;
  return there.st_ino == open->st_ino && there.st_dev == open->st_dev;
}

/* Of a directory that was opened before something was linked into it by its path; closes it. */
static inline void sync_directory(int fd, const char *path) {
  struct stat open;
  CHECK(fstat(fd, &open));
  if (!same_file(&open, path)) exit(1);
  CHECK(fsync(fd));
  CHECK(close(fd));
}

static inline void run_threads(int threads, void *(*work)(void *)) {
  if (threads <= 1) {
    work(NULL);
    return;
  }
  pthread_t *all = calloc(threads, sizeof *all);
  for (int i = 0; i < threads; i++)
    if (pthread_create(&all[i], NULL, work, NULL) != 0) exit(1);
  for (int i = 0; i < threads; i++) pthread_join(all[i], NULL);
}
