// The system calls that Apus makes. Each function answers the call's result, or −errno when it failed, so that no code
// between the call and the look at errno can change it. Calls that a signal interrupted are repeated, except where a
// comment says otherwise. What needs _GNU_SOURCE stays in the .c files: Glibc's module is built without it and types
// would differ.
#ifndef APUS_CPOSIX_H
#define APUS_CPOSIX_H
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/types.h>

// ---- Files

int apus_open(const char *path, int flags, int mode);
// Not repeated: on Linux the descriptor is gone even when a signal interrupts.
int apus_close(int fd);
int apus_mkdir(const char *path, int mode);
int apus_unlink(const char *path);
int apus_rmdir(const char *path);
int apus_rename(const char *from, const char *to);
int apus_fsync(int fd);
int apus_fdatasync(int fd);
int apus_syncfs(int fd);
int apus_ftruncate(int fd, int64_t length);
// Not repeated: an interrupted allocation starts over and may never end; the caller counts.
int apus_fallocate(int fd, int64_t length);
struct apus_run {
  int64_t start;
  int64_t end;
};
// The next run of data at or behind an offset; -ENXIO when only a hole follows.
int apus_next_data(int fd, int64_t from, struct apus_run *out);
ssize_t apus_read(int fd, void *to, size_t count);
ssize_t apus_write(int fd, const void *from, size_t count);
ssize_t apus_pread(int fd, void *to, size_t count, int64_t at);
ssize_t apus_pwrite(int fd, const void *from, size_t count, int64_t at);
// Reads what is in the page cache; −EAGAIN instead of waiting for the device.
ssize_t apus_pread_cached(int fd, void *to, size_t count, int64_t at);

struct apus_file_status {
  int64_t length;
  int64_t modified_milliseconds;
  uint64_t device;
  int32_t is_directory;
};

int apus_stat(const char *path, struct apus_file_status *out);
int apus_fstat(int fd, struct apus_file_status *out);
// As it is itself: a symbolic link is not followed.
// Rows of the table that the message of a SIGBUS is made from.
void apus_note_mapping(void *base, size_t length, int fd);
void apus_forget_mapping(void *base);
// From now on a SIGBUS ends the process with a line on stderr that names file and offset.
int apus_report_bus_errors(void);
int apus_lstat(const char *path, struct apus_file_status *out);
int apus_opendir(const char *path, void **out);
// The next name, or NULL at the end with *error 0, or NULL with *error = errno. Valid until the next call.
// *is_directory is 1 for what is known to be one, 0 for what is none or must be asked about.
const char *apus_readdir(void *directory, int *is_directory, int *error);
void apus_closedir(void *directory);

struct apus_volume {
  int64_t total;
  // With what is reserved for root, which `available` is without.
  int64_t free;
  int64_t available;
};
int apus_space(const char *path, struct apus_volume *out);

// A write lock on the first byte, as Java's FileChannel.tryLock(0, 1, false) takes it. The lock belongs to the open
// file, so it also keeps this process from taking it twice and is not lost when another descriptor of the file is
// closed. With `shared` it is a read lock, which others may have too and a descriptor for reading is enough for.
int apus_lock_first_byte(int fd, int shared);

// ---- Mapped memory

int apus_map(int fd, size_t length, int writable, void **out);
int apus_unmap(void *base, size_t length);
int apus_populate_write(void *base, size_t length);
int apus_populate_read(void *base, size_t length);
int apus_msync(void *base, size_t length);
// 1 when every page of the range is in memory, 0 when one is not, −errno. base is page-aligned.
int apus_resident(void *base, size_t length, size_t page);
int64_t apus_page_size(void);

// ---- Clocks, threads, signals, limits

int64_t apus_monotonic_nanoseconds(void);
int64_t apus_wall_milliseconds(void);
int apus_set_thread_name(const char *name);
int apus_processor_count(void);
ssize_t apus_random(void *to, size_t count);

// A machine that a simulation runs on: the clocks and the random numbers of the threads that are on it.
struct apus_machine {
  int64_t wall_milliseconds;
  int64_t monotonic_nanoseconds;
  uint64_t random; // the generator's state
  void *owner;
};
// Puts the calling thread, and no other, on a machine, which must outlive that; NULL puts it back on the real one.
void apus_simulate_machine(struct apus_machine *machine);
// The machine that the calling thread is on; NULL for the real one.
struct apus_machine *apus_simulated_machine(void);

// Blocks SIGTERM, SIGINT and, unless it is ignored, SIGHUP for this thread and those it starts and answers a descriptor
// that reads them.
int apus_termination_descriptor(void);
int apus_read_signal(int fd);
int apus_ignore_broken_pipes(void);
// SIGUSR1, SIGUSR2 and SIGQUIT.
int apus_ignore_user_signals(void);

struct apus_limit {
  uint64_t soft;
  uint64_t hard;
};
int apus_descriptor_limit(struct apus_limit *out);
int apus_set_descriptor_limit(uint64_t soft, uint64_t hard);

// ---- Event loop

int apus_epoll_create(void);
int apus_epoll_change(int epoll, int operation, int fd, uint32_t events, uint64_t token);
// Not repeated: the loop looks at its timers again.
int apus_epoll_wait(int epoll, struct epoll_event *events, int capacity, int milliseconds);
uint64_t apus_event_token(const struct epoll_event *event);
int apus_eventfd(void);

// ---- Sockets

struct apus_address {
  uint64_t high; // the first 8 bytes of an IPv6 address as a number; 0 for IPv4
  uint64_t low;  // the last 8 bytes of an IPv6 address, or the 4 of an IPv4 address, as a number
  uint16_t port;
  uint8_t is_ipv6;
};

// A listening socket that nobody else can bind beside: SO_REUSEADDR lets Linux bind over connections that are still
// closing, not over a socket that listens.
int apus_listen(const struct apus_address *on, int backlog);
int apus_accept(int listener, struct apus_address *peer);
// A socket that is connecting: writable when it is connected or has failed, as apus_socket_error tells.
int apus_connect(const struct apus_address *to);
int apus_socket_error(int fd);
// Does nothing to a socket that is not TCP's.
int apus_no_delay(int fd);
// For how long what was sent over a TCP connection may stay unacknowledged; then it fails with ETIMEDOUT. 0 leaves that
// to the system, which tries for a quarter of an hour. Does nothing where the system has no such limit.
int apus_unacknowledged_limit(int fd, uint32_t milliseconds);
// Two connected stream sockets within this machine.
int apus_socket_pair(int ends[2]);
int apus_buffer_sizes(int fd, int send, int receive);
int apus_local_address(int fd, struct apus_address *out);
ssize_t apus_receive(int fd, void *to, size_t count);
// The next byte, which stays where it is: the byte, −EAGAIN while none has come, or −EPIPE at the end of the stream.
int apus_peek(int fd);
ssize_t apus_send(int fd, const void *from, size_t count);
int apus_shutdown_sending(int fd);
ssize_t apus_sendfile(int to, int from, int64_t *at, size_t count);

// The addresses of a name, at most `capacity` of them, for connecting (passive 0) or binding (1). Blocks on DNS. The
// error of getaddrinfo as a negative number below −1000, of the system as −errno.
int apus_resolve(const char *host, int passive, struct apus_address *out, int capacity);
const char *apus_resolve_error(int result);
// The addresses of this machine's interfaces that are up, at most `capacity` of them.
int apus_own_addresses(struct apus_address *out, int capacity);
#endif
