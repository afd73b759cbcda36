// What Glibc's module map leaves out: Linux calls that need _GNU_SOURCE, and wrappers of variadic ones.
#ifndef APUS_CPOSIX_H
#define APUS_CPOSIX_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>
#endif
