#include "repeat.h"
// The feature macro above comes before every system header.
#include "CPosix.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

static _Thread_local struct apus_machine *simulated_machine;

void apus_simulate_machine(struct apus_machine *machine) { simulated_machine = machine; }

struct apus_machine *apus_simulated_machine(void) { return simulated_machine; }

// SplitMix64.
static uint64_t next_random(struct apus_machine *machine) {
  uint64_t value = machine->random += 0x9E3779B97F4A7C15u;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
  return value ^ (value >> 31);
}

int64_t apus_monotonic_nanoseconds(void) {
  if (__builtin_expect(simulated_machine != NULL, 0)) return simulated_machine->monotonic_nanoseconds;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t apus_wall_milliseconds(void) {
  if (__builtin_expect(simulated_machine != NULL, 0)) return simulated_machine->wall_milliseconds;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int apus_set_thread_name(const char *name) { return -pthread_setname_np(pthread_self(), name); }

int apus_processor_count(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
  long count = sysconf(_SC_NPROCESSORS_ONLN);
  return count > 0 ? (int)count : 1;
}

ssize_t apus_random(void *to, size_t count) {
  if (__builtin_expect(simulated_machine != NULL, 0)) {
    for (size_t at = 0; at < count; at++) ((uint8_t *)to)[at] = (uint8_t)(next_random(simulated_machine) >> 56);
    return (ssize_t)count;
  }
  APUS_REPEAT(ssize_t, getrandom(to, count, 0));
}

// Whether whoever started the process had the signal ignored, as nohup has SIGHUP.
static int is_ignored(int number) {
  struct sigaction action;
  return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

int apus_termination_descriptor(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  // A signal that is blocked is delivered to the descriptor though it is ignored.
  if (!is_ignored(SIGHUP)) sigaddset(&set, SIGHUP);
  int result = pthread_sigmask(SIG_BLOCK, &set, NULL);
  if (result != 0) return -result;
  int fd = signalfd(-1, &set, SFD_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

int apus_read_signal(int fd) {
  struct signalfd_siginfo info;
  ssize_t count;
  do {
    count = read(fd, &info, sizeof info);
  } while (count < 0 && errno == EINTR);
  return count < 0 ? -errno : (int)info.ssi_signo;
}

static int ignore(int number) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = SIG_IGN;
  return sigaction(number, &action, NULL) < 0 ? -errno : 0;
}

int apus_ignore_broken_pipes(void) { return ignore(SIGPIPE); }

int apus_ignore_user_signals(void) {
  int result = ignore(SIGUSR1);
  if (result == 0) result = ignore(SIGUSR2);
  return result < 0 ? result : ignore(SIGQUIT);
}

int apus_descriptor_limit(struct apus_limit *out) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
  out->soft = limit.rlim_cur;
  out->hard = limit.rlim_max;
  return 0;
}

int apus_set_descriptor_limit(uint64_t soft, uint64_t hard) {
  struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
  return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}
