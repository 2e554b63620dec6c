// Swift's Mutex waits, and wakes who waits, inside a library that is not compiled with
// ThreadSanitizer, which then takes everything under a contended Mutex for a race. Loaded before that
// library, this tells it of both. For scripts/test-sanitized.sh alone; the names are those of Swift 6.3
// on Linux. Where another Swift has others, nothing is told, and the races are seen again.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"
#define SELF __attribute__((swift_context)) void *handle
__attribute__((weak)) void __tsan_acquire(void *);
__attribute__((weak)) void __tsan_release(void *);
__attribute__((swiftcall)) void lock_slow(uint32_t thread, SELF) __asm__(LOCK);
__attribute__((swiftcall)) void unlock_slow(SELF) __asm__(UNLOCK);
__attribute__((swiftcall)) void lock_slow(uint32_t thread, SELF) {
  __attribute__((swiftcall)) void (*next)(uint32_t, SELF) = dlsym(RTLD_NEXT, LOCK);
  next(thread, handle);
  if (__tsan_acquire) __tsan_acquire(handle);
}
__attribute__((swiftcall)) void unlock_slow(SELF) {
  __attribute__((swiftcall)) void (*next)(SELF) = dlsym(RTLD_NEXT, UNLOCK);
  if (__tsan_release) __tsan_release(handle);
  next(handle);
}
