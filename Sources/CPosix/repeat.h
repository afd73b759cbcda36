// Shared by the .c files: a call that is made again when a signal interrupted it.
#ifndef APUS_REPEAT_H
#define APUS_REPEAT_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>

#define APUS_REPEAT(type, call) \
  type result; \
  do { \
    result = (call); \
  } while (result < 0 && errno == EINTR); \
  return result < 0 ? -errno : result
#endif
