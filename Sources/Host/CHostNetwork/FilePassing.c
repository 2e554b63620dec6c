#define _GNU_SOURCE
#include "CHostNetwork.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
  struct cmsghdr align;
  char bytes[CMSG_SPACE(sizeof(int) * np_maximum_passed_files)];
};

ssize_t np_send_with_files(int socket, const void *bytes, size_t count, const int *files,
                           size_t file_count) {
  if (file_count > np_maximum_passed_files) {
    errno = EINVAL;
    return -1;
  }
  struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  union control control;
  if (file_count > 0) {
    memset(&control, 0, sizeof control);
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * file_count);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * file_count);
    memcpy(CMSG_DATA(header), files, sizeof(int) * file_count);
  }
  ssize_t sent;
  do sent = sendmsg(socket, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent;
}

ssize_t np_receive_with_files(int socket, void *bytes, size_t capacity, int *files,
                              size_t *file_count) {
  struct iovec part = {.iov_base = bytes, .iov_len = capacity};
  union control control;
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes};
  *file_count = 0;
  ssize_t received;
  do received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  while (received < 0 && errno == EINTR);
  if (received < 0) return -1;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int file;
      memcpy(&file, CMSG_DATA(header) + i * sizeof file, sizeof file);
      if (*file_count < np_maximum_passed_files)
        files[(*file_count)++] = file;
      else
        close(file);
    }
  }
  // What did not fit is lost, and a file with it.
  if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
    while (*file_count > 0) close(files[--*file_count]);
    errno = EMSGSIZE;
    return -1;
  }
  return received;
}

int np_accept_connection(int socket) { return accept4(socket, NULL, NULL, SOCK_CLOEXEC); }

int np_peer(int socket, pid_t *process, uid_t *user) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return -1;
  *process = peer.pid;
  *user = peer.uid;
  return 0;
}

// From asm-generic/socket.h, which older headers do not have in full.
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

uint64_t np_network_namespace_cookie(int socket) {
  uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  return getsockopt(socket, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

static int option(int socket, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  return getsockopt(socket, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

int np_look_at_listener(int socket, struct np_listener *listener) {
  if (option(socket, SO_ACCEPTCONN) != 1 || option(socket, SO_PROTOCOL) != IPPROTO_TCP) return -1;
  memset(listener, 0, sizeof *listener);
  union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
  } address;
  socklen_t size = sizeof address;
  if (getsockname(socket, &address.any, &size) != 0) return -1;
  if (address.any.sa_family == AF_INET) {
    listener->is_ipv4 = 1;
    memcpy(listener->address, &address.v4.sin_addr, 4);
    listener->port = ntohs(address.v4.sin_port);
  } else if (address.any.sa_family == AF_INET6) {
    memcpy(listener->address, &address.v6.sin6_addr, 16);
    listener->port = ntohs(address.v6.sin6_port);
  } else {
    return -1;
  }
  socklen_t length = sizeof listener->device - 1;
  if (getsockopt(socket, SOL_SOCKET, SO_BINDTODEVICE, listener->device, &length) != 0)
    listener->device[0] = 0;
  return 0;
}
