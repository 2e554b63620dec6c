// The parts of the C library about sockets that its Swift module leaves out.
#pragma once

#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

/// An end of a TCP connection.
struct np_address {
  /// The halves of an IPv6 address; an IPv4 address is mapped (::ffff:0:0/96).
  uint64_t upper, lower;
  /// The interface of a link-local address; 0 where there is none.
  uint32_t scope;
  uint16_t port;
};

/// Takes the next connection, as a socket that does not block and is closed on exec; -1 with errno
/// where there is none.
int np_accept(int listener, struct np_address *peer);

/// The address that a socket is bound to; -1 with errno otherwise.
int np_local_address(int socket, struct np_address *local);

/// Gives the calling thread a name, of up to 15 bytes, for whoever looks at the process.
void np_name_thread(const char *name);
