// What processors can do with memory and Swift has no word for.
#pragma once

/// Has the processor fetch the 64 bytes around an address, which need not be anybody's, and does not wait
/// for them.
static inline void np_fetch(const void *address) { __builtin_prefetch(address); }
