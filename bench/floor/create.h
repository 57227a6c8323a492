/* The first half of an enqueue: a file in tmp/ with a name as fsq(7) makes them. */
#include "floor.h"

static const char *queue;
static char *body;
static size_t body_size;
static long pid;

/* Gives the descriptor, and the name in `name`. */
static inline int create_item(long number, char name[NAME_MAX + 1]) {
  char timestamp[32], path[PATH_MAX];
  time_t second = time(NULL);
  struct tm local;
  strftime(timestamp, sizeof timestamp, "%Y%m%d%H%M%S", localtime_r(&second, &local));
  snprintf(name, NAME_MAX + 1, "_%s_%ld_%ld_floor_0_bench", timestamp, number, pid);
  int fd = open(path_of(path, "%s/tmp/%s", queue, name),
                O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0640);
  CHECK(fd);
  CHECK(fchmod(fd, 0640));
  for (size_t written = 0; written < body_size;) {
    ssize_t n = write(fd, body + written, body_size - written);
    CHECK(n);
    written += n;
  }
  return fd;
}

static inline void link_item(const char *name) {
  char from[PATH_MAX], to[PATH_MAX];
  CHECK(link(path_of(from, "%s/tmp/%s", queue, name), path_of(to, "%s/queue/%s", queue, name)));
}

static inline void unlink_item(const char *name) {
  char path[PATH_MAX];
  CHECK(unlink(path_of(path, "%s/tmp/%s", queue, name)));
}

/* Before the threads start. */
static inline void make_body(const char *size) {
  pid = getpid();
  body_size = atol(size);
  body = malloc(body_size + 1);
  memset(body, 'x', body_size);
}
