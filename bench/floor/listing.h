/* A directory of items in the order of enqueueing: by timestamp, entropy as a number, then bytes. */
#include "floor.h"

struct entry {
  char *name;
  char timestamp[15];
  unsigned long long entropy;
};

static struct entry *entries;
static long listed;

static int in_order(const void *left, const void *right) {
  const struct entry *a = left, *b = right;
  int order = strcmp(a->timestamp, b->timestamp);
  if (order == 0) order = (a->entropy > b->entropy) - (a->entropy < b->entropy);
  return order != 0 ? order : strcmp(a->name, b->name);
}

static void list_items(const char *directory) {
  DIR *open = opendir(directory);
  if (open == NULL) exit(1);
  long room = 0;
  for (struct dirent *d; (d = readdir(open)) != NULL;) {
    if (d->d_name[0] != '_') continue;
    if (listed == room) entries = realloc(entries, (room = room * 2 + 1024) * sizeof *entries);
    struct entry *e = &entries[listed++];
    e->name = strdup(d->d_name);
    sscanf(e->name, "_%14[0-9]_%llu", e->timestamp, &e->entropy);
  }
  closedir(open);
  qsort(entries, listed, sizeof *entries, in_order);
}
