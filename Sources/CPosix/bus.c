#include "repeat.h"
// The feature macro above comes before every system header.
#include "CPosix.h"
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Mappings of files, for the message of a SIGBUS. A row is written with the lock held and read by the signal handler
// without it: its base is set last and cleared first.
#define ROWS 65536
#define NAME_BYTES 240

struct row {
  _Atomic(uintptr_t) base;
  size_t length;
  char name[NAME_BYTES];
};

static struct row *rows;
static atomic_int used;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void apus_note_mapping(void *base, size_t length, int fd) {
  pthread_mutex_lock(&lock);
  // Pages of the table that are never touched take no memory.
  if (!rows) rows = calloc(ROWS, sizeof *rows);
  int count = atomic_load(&used);
  int place = 0;
  while (rows && place < count && atomic_load(&rows[place].base)) place++;
  if (rows && place < ROWS) {
    struct row *row = &rows[place];
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length_of_name = readlink(link, row->name, NAME_BYTES - 1);
    row->name[length_of_name > 0 ? length_of_name : 0] = 0;
    row->length = length;
    atomic_store(&row->base, (uintptr_t)base);
    if (place == count) atomic_store(&used, count + 1);
  }
  pthread_mutex_unlock(&lock);
}

void apus_forget_mapping(void *base) {
  pthread_mutex_lock(&lock);
  int count = atomic_load(&used);
  for (int i = 0; i < count; i++) {
    if (atomic_load(&rows[i].base) == (uintptr_t)base) {
      atomic_store(&rows[i].base, 0);
      break;
    }
  }
  pthread_mutex_unlock(&lock);
}

static size_t append(char *line, size_t at, size_t limit, const char *text) {
  while (*text && at < limit) line[at++] = *text++;
  return at;
}

static size_t append_number(char *line, size_t at, size_t limit, uint64_t number) {
  char digits[20];
  size_t count = 0;
  do digits[count++] = (char)('0' + number % 10);
  while (number /= 10);
  while (count && at < limit) line[at++] = digits[--count];
  return at;
}

// Only calls that are safe in a signal handler.
static void report_bus_error(int number, siginfo_t *info, void *context) {
  (void)context;
  char line[512];
  const size_t limit = sizeof line - 1;
  uintptr_t address = (uintptr_t)info->si_addr;
  size_t at = append(line, 0, limit, "apus: SIGBUS: ");
  const struct row *found = NULL;
  for (int i = 0, count = atomic_load(&used); i < count && !found; i++) {
    uintptr_t base = atomic_load(&rows[i].base);
    if (base && address >= base && address - base < rows[i].length) found = &rows[i];
  }
  if (found) {
    at = append(line, at, limit, found->name);
    at = append(line, at, limit, " cannot be read at offset ");
    at = append_number(line, at, limit, address - atomic_load(&found->base));
    at = append(line, at, limit, ": the file was cut, or the device failed; the process ends, the next start recovers");
  } else {
    at = append(line, at, limit, "not in a file of the store");
  }
  line[at++] = '\n';
  // A reader that has stopped does not keep the process from ending.
  struct pollfd output = {.fd = 2, .events = POLLOUT};
  int ready;
  do {
    ready = poll(&output, 1, 1000);
  } while (ready < 0 && errno == EINTR);
  while (ready > 0 && write(2, line, at) < 0 && errno == EINTR) {
  }
  // The other threads go on meanwhile: the one that writes the log writes what was said before the fault.
  poll(NULL, 0, 100);
  // The handler was taken out on entry: returning runs into the same fault, which now ends the process.
  (void)number;
}

int apus_report_bus_errors(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = report_bus_error;
  action.sa_flags = SA_SIGINFO | SA_RESETHAND | SA_NODEFER;
  sigemptyset(&action.sa_mask);
  return sigaction(SIGBUS, &action, NULL) < 0 ? -errno : 0;
}
