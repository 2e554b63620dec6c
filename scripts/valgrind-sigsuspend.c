// valgrind (3.19) writes to the mask that a program waits for signals with, and libdispatch keeps that
// where nothing can be written. Loaded before the C library, this gives valgrind a copy. For
// scripts/bench.sh alone.
#define _GNU_SOURCE
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>
int sigsuspend(const sigset_t *mask) {
  sigset_t copy = *mask;
  return (int)syscall(SYS_rt_sigsuspend, &copy, _NSIG / 8);
}
