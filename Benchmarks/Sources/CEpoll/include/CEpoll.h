// What of the C library Swift's module leaves out.
#pragma once
#include <stddef.h>
#include <sys/epoll.h>

/// Where some bytes stand in others; NULL where they do not.
const void *bench_find(const void *in, size_t count, const void *bytes, size_t length);

/// Has the kernel wake this thread when it is due, and not up to 50 µs later.
void bench_wake_on_time(void);
