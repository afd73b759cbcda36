#include "repeat.h"
// The feature macro above comes before every system header.
#include "CPosix.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

int apus_open(const char *path, int flags, int mode) { APUS_REPEAT(int, open(path, flags | O_CLOEXEC, mode)); }

int apus_close(int fd) { return close(fd) < 0 ? -errno : 0; }

int apus_mkdir(const char *path, int mode) { APUS_REPEAT(int, mkdir(path, mode)); }

int apus_unlink(const char *path) { APUS_REPEAT(int, unlink(path)); }

int apus_rmdir(const char *path) { APUS_REPEAT(int, rmdir(path)); }

int apus_rename(const char *from, const char *to) { APUS_REPEAT(int, rename(from, to)); }

int apus_fsync(int fd) { APUS_REPEAT(int, fsync(fd)); }

int apus_fdatasync(int fd) { APUS_REPEAT(int, fdatasync(fd)); }

int apus_syncfs(int fd) { APUS_REPEAT(int, syncfs(fd)); }

int apus_ftruncate(int fd, int64_t length) { APUS_REPEAT(int, ftruncate(fd, length)); }

int apus_fallocate(int fd, int64_t length) { return fallocate(fd, 0, 0, length) < 0 ? -errno : 0; }

int apus_next_data(int fd, int64_t from, struct apus_run *out) {
  off_t start = lseek(fd, from, SEEK_DATA);
  if (start < 0) return -errno;
  off_t end = lseek(fd, start, SEEK_HOLE);
  if (end < 0) return -errno;
  out->start = start;
  out->end = end;
  return 0;
}

ssize_t apus_read(int fd, void *to, size_t count) { APUS_REPEAT(ssize_t, read(fd, to, count)); }

ssize_t apus_write(int fd, const void *from, size_t count) { APUS_REPEAT(ssize_t, write(fd, from, count)); }

ssize_t apus_pread(int fd, void *to, size_t count, int64_t at) { APUS_REPEAT(ssize_t, pread(fd, to, count, at)); }

ssize_t apus_pwrite(int fd, const void *from, size_t count, int64_t at) {
  APUS_REPEAT(ssize_t, pwrite(fd, from, count, at));
}

ssize_t apus_pread_cached(int fd, void *to, size_t count, int64_t at) {
  struct iovec part = {.iov_base = to, .iov_len = count};
  APUS_REPEAT(ssize_t, preadv2(fd, &part, 1, at, RWF_NOWAIT));
}

static struct apus_file_status apus_status_of(const struct stat *status) {
  struct apus_file_status result = {
      .length = status->st_size,
      .modified_milliseconds = (int64_t)status->st_mtim.tv_sec * 1000 + status->st_mtim.tv_nsec / 1000000,
      .device = status->st_dev,
      .is_directory = S_ISDIR(status->st_mode),
  };
  return result;
}

int apus_stat(const char *path, struct apus_file_status *out) {
  struct stat status;
  if (stat(path, &status) < 0) return -errno;
  *out = apus_status_of(&status);
  return 0;
}

int apus_fstat(int fd, struct apus_file_status *out) {
  struct stat status;
  if (fstat(fd, &status) < 0) return -errno;
  *out = apus_status_of(&status);
  return 0;
}

int apus_lstat(const char *path, struct apus_file_status *out) {
  struct stat status;
  if (lstat(path, &status) < 0) return -errno;
  *out = apus_status_of(&status);
  return 0;
}

int apus_opendir(const char *path, void **out) {
  DIR *directory = opendir(path);
  if (!directory) return -errno;
  *out = directory;
  return 0;
}

const char *apus_readdir(void *directory, int *is_directory, int *error) {
  errno = 0;
  struct dirent *entry = readdir(directory);
  *error = entry ? 0 : errno;
  *is_directory = entry && entry->d_type == DT_DIR;
  return entry ? entry->d_name : NULL;
}

void apus_closedir(void *directory) { closedir(directory); }

int apus_space(const char *path, struct apus_volume *out) {
  struct statvfs status;
  int result;
  do {
    result = statvfs(path, &status);
  } while (result < 0 && errno == EINTR);
  if (result < 0) return -errno;
  out->total = (int64_t)status.f_frsize * (int64_t)status.f_blocks;
  out->free = (int64_t)status.f_frsize * (int64_t)status.f_bfree;
  out->available = (int64_t)status.f_frsize * (int64_t)status.f_bavail;
  return 0;
}

int apus_lock_first_byte(int fd, int shared) {
  struct flock lock;
  memset(&lock, 0, sizeof lock);
  lock.l_type = shared ? F_RDLCK : F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = 0;
  lock.l_len = 1;
  APUS_REPEAT(int, fcntl(fd, F_OFD_SETLK, &lock));
}
