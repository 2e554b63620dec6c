#define _GNU_SOURCE
#include "CHostNetwork.h"

#include <fcntl.h>
#include <linux/in6.h>
#include <linux/magic.h>
#include <linux/sockios.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

int np_enter_network_namespace(int descriptor) { return setns(descriptor, CLONE_NEWNET); }

int np_open_network_namespace_of_socket(int descriptor) { return ioctl(descriptor, SIOCGSKNS); }

int np_open_to_look(const char *path) { return open(path, O_PATH | O_CLOEXEC); }

int np_is_namespace(int descriptor) {
  struct statfs info;
  if (fstatfs(descriptor, &info) != 0) return -1;
  return info.f_type == NSFS_MAGIC;
}

int np_make_wake_descriptor(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

void np_wake(int descriptor) {
  uint64_t one = 1;
  // It fails only where the counter is full, and then the descriptor is readable already.
  ssize_t written = write(descriptor, &one, sizeof one);
  (void)written;
}

#ifndef IP_FREEBIND
#define IP_FREEBIND 15
#endif
#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND 78
#endif
const int np_ip_freebind = IP_FREEBIND;
const int np_ipv6_freebind = IPV6_FREEBIND;
