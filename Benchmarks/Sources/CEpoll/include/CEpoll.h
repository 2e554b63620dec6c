// What of the C library Swift's module leaves out.
#pragma once
#include <sys/epoll.h>
