// The parts of the C library about the host's network that its Swift module leaves out.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

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

/// Opens a socket for questions about routes and neighbours (NETLINK_ROUTE), in the calling thread's
/// network namespace. It takes the kernel's messages alone and never blocks; -1 with errno otherwise.
int np_open_route_socket(void);

/// What is asked, and what comes back, of linux/netlink.h, rtnetlink.h, neighbour.h and if_link.h.
enum {
  np_message_error = 2,           // NLMSG_ERROR
  np_flag_request = 1,            // NLM_F_REQUEST
  np_new_link = 16,               // RTM_NEWLINK
  np_get_link = 18,               // RTM_GETLINK
  np_new_route = 24,              // RTM_NEWROUTE
  np_get_route = 26,              // RTM_GETROUTE
  np_new_neighbour = 28,          // RTM_NEWNEIGH
  np_get_neighbour = 30,          // RTM_GETNEIGH
  np_route_unicast = 1,           // RTN_UNICAST
  np_route_destination = 1,       // RTA_DST
  np_route_source = 2,            // RTA_SRC
  np_route_output = 4,            // RTA_OIF
  np_route_gateway = 5,           // RTA_GATEWAY
  np_route_via = 18,              // RTA_VIA
  np_neighbour_address = 1,       // NDA_DST
  np_neighbour_link = 2,          // NDA_LLADDR
  np_neighbour_unresolved = 0x21, // NUD_INCOMPLETE | NUD_FAILED
  np_neighbour_without = 0x40,    // NUD_NOARP
  np_link_ethernet = 1,           // ARPHRD_ETHER
  np_link_without = 0x98,         // IFF_LOOPBACK | IFF_POINTOPOINT | IFF_NOARP
};

/// What one message may carry at most (the kernel's SCM_MAX_FD is 253).
enum { np_maximum_passed_files = 250 };

/// Sends one message with open files (SCM_RIGHTS) on a Unix socket; -1 with errno otherwise.
ssize_t np_send_with_files(int socket, const void *bytes, size_t count, const int *files,
                           size_t file_count);
/// Receives one message and the files with it, at most np_maximum_passed_files, which no child
/// inherits; 0 where the other end is closed, -1 with errno otherwise.
ssize_t np_receive_with_files(int socket, void *bytes, size_t capacity, int *files,
                              size_t *file_count);

/// Accepts a connection that no child inherits; -1 with errno otherwise.
int np_accept_connection(int socket);

/// Who is at the other end of a Unix socket (SO_PEERCRED); -1 with errno otherwise.
int np_peer(int socket, pid_t *process, uid_t *user);

/// What tells a socket's network namespace from every other one since the host booted
/// (SO_NETNS_COOKIE, Linux 5.14); 0 where the kernel does not say.
uint64_t np_network_namespace_cookie(int socket);

/// What the kernel knows of a listening TCP socket.
struct np_listener {
  int is_ipv4;
  uint16_t port;
  uint8_t address[16]; // IPv4's has four bytes
  char device[16];     // empty where it is bound to none
};
/// -1 where it is no listening TCP socket.
int np_look_at_listener(int socket, struct np_listener *listener);
