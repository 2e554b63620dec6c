#define _GNU_SOURCE
#include "CEpoll.h"

#include <string.h>
#include <sys/prctl.h>

const void *bench_find(const void *in, size_t count, const void *bytes, size_t length) {
  return memmem(in, count, bytes, length);
}

void bench_wake_on_time(void) { prctl(PR_SET_TIMERSLACK, 1); }
