#include "repeat.h"
// The feature macro above comes before every system header.
#include "CPosix.h"
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

int apus_map(int fd, size_t length, int writable, void **out) {
  void *base = mmap(NULL, length, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
  if (base == MAP_FAILED) return -errno;
  *out = base;
  return 0;
}

int apus_unmap(void *base, size_t length) { return munmap(base, length) < 0 ? -errno : 0; }

int apus_populate_write(void *base, size_t length) { APUS_REPEAT(int, madvise(base, length, MADV_POPULATE_WRITE)); }

int apus_populate_read(void *base, size_t length) { APUS_REPEAT(int, madvise(base, length, MADV_POPULATE_READ)); }

int apus_msync(void *base, size_t length) { APUS_REPEAT(int, msync(base, length, MS_SYNC)); }

int apus_resident(void *base, size_t length, size_t page) {
  unsigned char pages[512];
  size_t step = sizeof pages * page;
  for (size_t at = 0; at < length; at += step) {
    size_t part = length - at < step ? length - at : step;
    if (mincore((char *)base + at, part, pages) < 0) return -errno;
    for (size_t i = 0; i < (part + page - 1) / page; i++)
      if (!(pages[i] & 1)) return 0;
  }
  return 1;
}

int64_t apus_page_size(void) { return sysconf(_SC_PAGESIZE); }
