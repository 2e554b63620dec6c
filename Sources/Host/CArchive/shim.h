#include <archive.h>
#include <archive_entry.h>

// What the C library has and its Swift module leaves out.
int syncfs(int descriptor);
