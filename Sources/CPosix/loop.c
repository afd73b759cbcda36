#include "repeat.h"
// The feature macro above comes before every system header.
#include "CPosix.h"
#include <string.h>
#include <sys/eventfd.h>

int apus_epoll_create(void) {
  int fd = epoll_create1(EPOLL_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

int apus_epoll_change(int epoll, int operation, int fd, uint32_t events, uint64_t token) {
  struct epoll_event event;
  memset(&event, 0, sizeof event);
  event.events = events;
  event.data.u64 = token;
  return epoll_ctl(epoll, operation, fd, &event) < 0 ? -errno : 0;
}

int apus_epoll_wait(int epoll, struct epoll_event *events, int capacity, int milliseconds) {
  int count = epoll_wait(epoll, events, capacity, milliseconds);
  if (count >= 0) return count;
  return errno == EINTR ? 0 : -errno;
}

uint64_t apus_event_token(const struct epoll_event *event) { return event->data.u64; }

int apus_eventfd(void) {
  int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return fd < 0 ? -errno : fd;
}
