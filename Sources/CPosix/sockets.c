#include "repeat.h"
// The feature macro above comes before every system header.
#include "CPosix.h"
#include <endian.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

static socklen_t apus_to_socket_address(const struct apus_address *from, struct sockaddr_storage *to) {
  memset(to, 0, sizeof *to);
  if (from->is_ipv6) {
    struct sockaddr_in6 *address = (struct sockaddr_in6 *)to;
    address->sin6_family = AF_INET6;
    address->sin6_port = htons(from->port);
    uint64_t parts[2] = {htobe64(from->high), htobe64(from->low)};
    memcpy(&address->sin6_addr, parts, 16);
    return sizeof *address;
  }
  struct sockaddr_in *address = (struct sockaddr_in *)to;
  address->sin_family = AF_INET;
  address->sin_port = htons(from->port);
  address->sin_addr.s_addr = htonl((uint32_t)from->low);
  return sizeof *address;
}

// An IPv4 address that came through an IPv6 socket becomes a plain IPv4 address.
static int apus_from_socket_address(const struct sockaddr *from, struct apus_address *to) {
  memset(to, 0, sizeof *to);
  if (from->sa_family == AF_INET) {
    const struct sockaddr_in *address = (const struct sockaddr_in *)from;
    to->port = ntohs(address->sin_port);
    to->low = ntohl(address->sin_addr.s_addr);
    return 0;
  }
  if (from->sa_family != AF_INET6) return -EAFNOSUPPORT;
  const struct sockaddr_in6 *address = (const struct sockaddr_in6 *)from;
  to->port = ntohs(address->sin6_port);
  uint64_t parts[2];
  memcpy(parts, &address->sin6_addr, 16);
  to->low = be64toh(parts[1]);
  if (IN6_IS_ADDR_V4MAPPED(&address->sin6_addr)) {
    to->low &= 0xFFFFFFFF;
  } else {
    to->high = be64toh(parts[0]);
    to->is_ipv6 = 1;
  }
  return 0;
}

static int apus_close_and_fail(int fd) {
  int error = errno;
  close(fd);
  return -error;
}

int apus_listen(const struct apus_address *on, int backlog) {
  struct sockaddr_storage address;
  socklen_t length = apus_to_socket_address(on, &address);
  int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  int one = 1;
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0) return apus_close_and_fail(fd);
  if (bind(fd, (struct sockaddr *)&address, length) < 0) return apus_close_and_fail(fd);
  if (listen(fd, backlog) < 0) return apus_close_and_fail(fd);
  return fd;
}

int apus_accept(int listener, struct apus_address *peer) {
  struct sockaddr_storage address;
  socklen_t length = sizeof address;
  int fd;
  do {
    fd = accept4(listener, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return -errno;
  if (apus_from_socket_address((struct sockaddr *)&address, peer) < 0) memset(peer, 0, sizeof *peer);
  return fd;
}

int apus_connect(const struct apus_address *to) {
  struct sockaddr_storage address;
  socklen_t length = apus_to_socket_address(to, &address);
  int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  if (connect(fd, (struct sockaddr *)&address, length) < 0 && errno != EINPROGRESS && errno != EINTR)
    return apus_close_and_fail(fd);
  return fd;
}

int apus_socket_error(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0) return errno;
  return error;
}

int apus_no_delay(int fd) {
  int one = 1;
  return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0 && errno != EOPNOTSUPP ? -errno : 0;
}

int apus_unacknowledged_limit(int fd, uint32_t milliseconds) {
  unsigned int limit = milliseconds;
  int result = setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, sizeof limit);
  return result < 0 && errno != ENOPROTOOPT ? -errno : 0;
}

int apus_socket_pair(int ends[2]) {
  return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0 ? -errno : 0;
}

int apus_buffer_sizes(int fd, int send, int receive) {
  if (send > 0 && setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send, sizeof send) < 0) return -errno;
  if (receive > 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof receive) < 0) return -errno;
  return 0;
}

int apus_local_address(int fd, struct apus_address *out) {
  struct sockaddr_storage address;
  socklen_t length = sizeof address;
  if (getsockname(fd, (struct sockaddr *)&address, &length) < 0) return -errno;
  return apus_from_socket_address((struct sockaddr *)&address, out);
}

ssize_t apus_receive(int fd, void *to, size_t count) { APUS_REPEAT(ssize_t, recv(fd, to, count, 0)); }

int apus_peek(int fd) {
  unsigned char byte;
  ssize_t count;
  do {
    count = recv(fd, &byte, 1, MSG_PEEK);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return -errno;
  return count == 0 ? -EPIPE : byte;
}

ssize_t apus_send(int fd, const void *from, size_t count) { APUS_REPEAT(ssize_t, send(fd, from, count, MSG_NOSIGNAL)); }

int apus_shutdown_sending(int fd) { return shutdown(fd, SHUT_WR) < 0 ? -errno : 0; }

ssize_t apus_sendfile(int to, int from, int64_t *at, size_t count) {
  APUS_REPEAT(ssize_t, sendfile(to, from, at, count));
}

int apus_resolve(const char *host, int passive, struct apus_address *out, int capacity) {
  struct addrinfo hints;
  memset(&hints, 0, sizeof hints);
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = passive ? AI_PASSIVE : 0;
  struct addrinfo *found = NULL;
  int error = getaddrinfo(host, NULL, &hints, &found);
  if (error == EAI_SYSTEM) return -errno;
  if (error != 0) return -1000 - abs(error);
  int count = 0;
  for (struct addrinfo *next = found; next && count < capacity; next = next->ai_next)
    if (apus_from_socket_address(next->ai_addr, &out[count]) == 0) count++;
  freeaddrinfo(found);
  return count;
}

const char *apus_resolve_error(int result) { return gai_strerror(result + 1000); }

int apus_own_addresses(struct apus_address *out, int capacity) {
  struct ifaddrs *found = NULL;
  if (getifaddrs(&found) < 0) return -errno;
  int count = 0;
  for (struct ifaddrs *next = found; next && count < capacity; next = next->ifa_next)
    if (next->ifa_addr && (next->ifa_flags & IFF_UP) &&
        apus_from_socket_address(next->ifa_addr, &out[count]) == 0)
      count++;
  freeifaddrs(found);
  return count;
}
