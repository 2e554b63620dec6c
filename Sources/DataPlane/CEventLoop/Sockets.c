#define _GNU_SOURCE
#include "CEventLoop.h"

#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

union address {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
};

static int read_address(const union address *from, struct np_address *to) {
  memset(to, 0, sizeof *to);
  if (from->any.sa_family == AF_INET) {
    to->lower = 0xFFFFull << 32 | ntohl(from->v4.sin_addr.s_addr);
    to->port = ntohs(from->v4.sin_port);
  } else if (from->any.sa_family == AF_INET6) {
    uint64_t halves[2];
    memcpy(halves, &from->v6.sin6_addr, sizeof halves);
    to->upper = be64toh(halves[0]);
    to->lower = be64toh(halves[1]);
    to->scope = from->v6.sin6_scope_id;
    to->port = ntohs(from->v6.sin6_port);
  } else {
    return -1;
  }
  return 0;
}

int np_accept(int listener, struct np_address *peer) {
  union address address;
  socklen_t length = sizeof address;
  memset(&address, 0, sizeof address);
  memset(peer, 0, sizeof *peer);
  int socket = accept4(listener, &address.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  // What has no address that a guest could have is turned away by it.
  if (socket >= 0)
    (void)read_address(&address, peer);
  return socket;
}

int np_local_address(int socket, struct np_address *local) {
  union address address;
  socklen_t length = sizeof address;
  memset(&address, 0, sizeof address);
  if (getsockname(socket, &address.any, &length) != 0)
    return -1;
  if (read_address(&address, local) == 0)
    return 0;
  errno = EAFNOSUPPORT;
  return -1;
}

void np_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }
