#define _GNU_SOURCE
#include "CHostNetwork.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

int np_open_route_socket(void) {
  int descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  if (descriptor < 0) return -1;
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  // The address to be bound is 0 as the kernel's is: it chooses one.
  if (bind(descriptor, (struct sockaddr *)&kernel, sizeof kernel) == 0 &&
      connect(descriptor, (struct sockaddr *)&kernel, sizeof kernel) == 0)
    return descriptor;
  int error = errno;
  close(descriptor);
  errno = error;
  return -1;
}

// The numbers are part of the kernel's interface; the header spares its readers linux/*.h.
#define SAME(ours, kernels) _Static_assert((int)(ours) == (int)(kernels), #ours)
SAME(np_message_error, NLMSG_ERROR);
SAME(np_flag_request, NLM_F_REQUEST);
SAME(np_new_link, RTM_NEWLINK);
SAME(np_get_link, RTM_GETLINK);
SAME(np_new_route, RTM_NEWROUTE);
SAME(np_get_route, RTM_GETROUTE);
SAME(np_new_neighbour, RTM_NEWNEIGH);
SAME(np_get_neighbour, RTM_GETNEIGH);
SAME(np_route_unicast, RTN_UNICAST);
SAME(np_route_destination, RTA_DST);
SAME(np_route_source, RTA_SRC);
SAME(np_route_output, RTA_OIF);
SAME(np_route_gateway, RTA_GATEWAY);
SAME(np_route_via, RTA_VIA);
SAME(np_neighbour_address, NDA_DST);
SAME(np_neighbour_link, NDA_LLADDR);
SAME(np_neighbour_unresolved, NUD_INCOMPLETE | NUD_FAILED);
SAME(np_neighbour_without, NUD_NOARP);
SAME(np_link_ethernet, ARPHRD_ETHER);
SAME(np_link_without, IFF_LOOPBACK | IFF_POINTOPOINT | IFF_NOARP);
