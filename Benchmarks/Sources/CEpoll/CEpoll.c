#define _GNU_SOURCE
#include "CEpoll.h"

#include <string.h>

const void *bench_find(const void *in, size_t count, const void *bytes, size_t length) {
  return memmem(in, count, bytes, length);
}
