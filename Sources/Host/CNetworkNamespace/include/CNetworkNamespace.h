// The parts of the C library about network namespaces that its Swift module leaves out.
#pragma once

#include <stdint.h>

/// Moves the calling thread into the network namespace of an open file; -1 with errno otherwise.
int np_enter_network_namespace(int descriptor);

/// Opens the network namespace that a socket is in (SIOCGSKNS); -1 with errno otherwise.
int np_open_network_namespace_of_socket(int descriptor);

/// Opens a file only to look at what it is (O_PATH), following symbolic links; -1 with errno
/// otherwise.
int np_open_to_look(const char *path);

/// Whether an open file is on nsfs, where the kernel's namespaces are: 1, 0, or -1 with errno.
int np_is_namespace(int descriptor);

/// A descriptor that becomes readable with np_wake (eventfd); -1 with errno otherwise.
int np_make_wake_descriptor(void);
void np_wake(int descriptor);

/// Options of netinet/in.h and linux/in6.h.
extern const int np_ip_freebind;
extern const int np_ipv6_freebind;
