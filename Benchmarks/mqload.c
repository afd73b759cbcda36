// mqload: a neutral load generator for anything that speaks the RocketMQ 4.x remoting protocol.
// One epoll thread, pre-encoded JSON headers, so that the broker, not the generator, is the bottleneck.
//   mqload create HOST:PORT TOPIC QUEUES
//   mqload send   HOST:PORT TOPIC QUEUES conns=16 window=1 size=1024 seconds=10 warmup=2 batch=1 rate=0 pid=PID
//   [prop='KEYS\1k\2'] [born=MS] [more=',"name":"value"'] [each='a\15\2'] [first='TAGS\1x\2']
//   mqload pull   HOST:PORT TOPIC QUEUES max=32 seconds=10 warmup=0 pid=PID group=G drain=0|1
//   [filter='*'] [type=TAG|SQL92]
// In a batch `each` are the properties of all messages and `first` more properties of the first one: with batch=100
// one message in a hundred has them. `born` keeps all headers the same, for a signature among `more` fields.
// `scanned` are the queue entries that pulls went past, found or not.
// Prints one JSON line: messages/s, MB/s, latency percentiles (µs), errors, and the broker's CPU s per million
// messages.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;

static u64 now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (u64)t.tv_sec * 1000000000ull + t.tv_nsec;
}
static u64 wall_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (u64)t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}
static void die(const char *m) {
  perror(m);
  exit(1);
}
static void put32(u8 *p, u32 v) {
  p[0] = v >> 24;
  p[1] = v >> 16;
  p[2] = v >> 8;
  p[3] = v;
}
static u32 get32(const u8 *p) { return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3]; }

// log-linear histogram: 64 powers of two, 32 steps each
static u64 hist[64 * 32];
static u64 hist_n;
static void hist_add(u64 v) {
  if (v < 32) {
    hist[v]++;
  } else {
    int b = 63 - __builtin_clzll(v);
    hist[(b - 4) * 32 + ((v >> (b - 5)) & 31)]++;
  }
  hist_n++;
}
static double hist_at(double q) {
  u64 want = (u64)(q * hist_n), s = 0;
  for (int i = 0; i < 64 * 32; i++) {
    s += hist[i];
    if (s > want) {
      if (i < 32) return i;
      int b = i / 32 + 4;
      return (double)((1ull << b) + ((u64)(i % 32) << (b - 5)));
    }
  }
  return 0;
}

static const char *opt(int c, char **v, const char *k, const char *d) {
  size_t n = strlen(k);
  for (int i = 0; i < c; i++)
    if (!strncmp(v[i], k, n) && v[i][n] == '=') return v[i] + n + 1;
  return d;
}
static long optl(int c, char **v, const char *k, long d) {
  const char *s = opt(c, v, k, 0);
  return s ? atol(s) : d;
}

static double cpu_s(long pid) {
  if (pid <= 0) return 0;
  char p[64], b[1024];
  snprintf(p, 64, "/proc/%ld/stat", pid);
  FILE *f = fopen(p, "r");
  if (!f) return 0;
  size_t n = fread(b, 1, 1023, f);
  fclose(f);
  b[n] = 0;
  char *q = strrchr(b, ')');
  if (!q) return 0;
  unsigned long u = 0, s = 0;
  sscanf(q + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &u, &s);
  return (double)(u + s) / sysconf(_SC_CLK_TCK);
}
static double rss_mb(long pid) {
  if (pid <= 0) return 0;
  char p[64], l[256];
  snprintf(p, 64, "/proc/%ld/status", pid);
  FILE *f = fopen(p, "r");
  if (!f) return 0;
  double a = 0;
  while (fgets(l, 256, f)) {
    if (!strncmp(l, "RssAnon:", 8)) a = atof(l + 8) / 1024;
  }
  fclose(f);
  return a;
}

static int dial(const char *hp) {
  char h[64];
  snprintf(h, 64, "%s", hp);
  char *c = strchr(h, ':');
  if (!c) {
    fprintf(stderr, "HOST:PORT\n");
    exit(2);
  }
  *c = 0;
  int s = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(c + 1))};
  inet_pton(AF_INET, h, &a.sin_addr);
  if (connect(s, (void *)&a, sizeof a)) die("connect");
  int one = 1;
  setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return s;
}
static void wr(int s, const u8 *b, size_t n) {
  while (n) {
    ssize_t k = write(s, b, n);
    if (k <= 0) die("write");
    b += k;
    n -= k;
  }
}
static void rd(int s, u8 *b, size_t n) {
  while (n) {
    ssize_t k = read(s, b, n);
    if (k <= 0) die("read");
    b += k;
    n -= k;
  }
}

static size_t frame(u8 *out, const char *json, const u8 *body, size_t bn) {
  size_t jn = strlen(json);
  put32(out, (u32)(4 + jn + bn));
  put32(out + 4, (u32)jn);
  memcpy(out + 8, json, jn);
  if (bn) memcpy(out + 8 + jn, body, bn);
  return 8 + jn + bn;
}
static long json_int(const u8 *j, size_t n, const char *key) {
  size_t k = strlen(key);
  for (size_t i = 0; i + k + 3 < n; i++)
    if (j[i] == '"' && !memcmp(j + i + 1, key, k) && j[i + 1 + k] == '"') {
      size_t p = i + k + 2;
      while (p < n && (j[p] == ':' || j[p] == ' ' || j[p] == '"'))
        p++;
      return strtol((const char *)j + p, 0, 10);
    }
  return -1;
}

struct conn {
  int fd;
  u8 *in;
  size_t in_n, in_cap;
  u8 *out;
  size_t out_n, out_off, out_cap;
  u64 *t0;
  u32 next, window, inflight;
  long offset;
  int queue;
  long idle_until;
  u32 seq;
};

static long long sum_msgs, sum_bytes, scanned, errs, empty;
static long last_code;
static char last_remark[160];

// Properties as they are in a message: \1 and \2 stand for the bytes 1 and 2.
static size_t unescape(char *dst, size_t room, const char *src) {
  size_t n = 0;
  for (; *src && n < room; src++) {
    if (src[0] == '\\' && (src[1] == '1' || src[1] == '2'))
      dst[n++] = *++src - '0';
    else
      dst[n++] = *src;
  }
  return n;
}

static void esc(char *dst, const char *src) {
  for (; *src; src++) {
    if (src[0] == '\\' && (src[1] == '1' || src[1] == '2')) {
      dst += sprintf(dst, "\\u000%c", src[1]);
      src++;
    } else
      *dst++ = *src;
  }
  *dst = 0;
}

int main(int c, char **v) {
  if (c < 5) {
    fprintf(stderr, "usage: mqload create|send|pull HOST:PORT TOPIC QUEUES [k=v]\n");
    return 2;
  }
  const char *mode = v[1], *addr = v[2], *topic = v[3];
  int queues = atoi(v[4]);
  if (!strcmp(mode, "create")) {
    char j[1024];
    u8 b[4096];
    snprintf(j, 1024,
             "{\"code\":17,\"extFields\":{\"topic\":\"%s\",\"defaultTopic\":\"TBW102\",\"readQueueNums\":\"%d\","
             "\"writeQueueNums\":\"%d\",\"perm\":\"6\",\"topicFilterType\":\"SINGLE_TAG\",\"topicSysFlag\":\"0\","
             "\"order\":\"false\"},\"flag\":0,\"language\":\"JAVA\",\"opaque\":1,\"serializeTypeCurrentRPC\":\"JSON\","
             "\"version\":401}",
             topic, queues, queues);
    int s = dial(addr);
    wr(s, b, frame(b, j, 0, 0));
    u8 h[8];
    rd(s, h, 8);
    u32 n = get32(h) - 4;
    u8 *r = malloc(n + 1);
    rd(s, r, n);
    r[n] = 0;
    long code = json_int(r, n, "code");
    printf("create %s: code %ld\n", topic, code);
    return code != 0;
  }
  int conns = (int)optl(c, v, "conns", 16), window = (int)optl(c, v, "window", 1), size = (int)optl(c, v, "size", 1024),
      batch = (int)optl(c, v, "batch", 1), maxn = (int)optl(c, v, "max", 32);
  long pid = optl(c, v, "pid", 0), drain = optl(c, v, "drain", 0);
  double seconds = atof(opt(c, v, "seconds", "10")), warm = drain ? 0 : atof(opt(c, v, "warmup", "2"));
  double rate = atof(opt(c, v, "rate", "0"));
  const char *group = opt(c, v, "group", "mqload"), *prop = opt(c, v, "prop", "");
  int sending = !strcmp(mode, "send");
  if (!sending) conns = queues;
  char props[1024];
  esc(props, prop);
  unsigned long long born = (unsigned long long)optl(c, v, "born", 0);
  const char *more_fields = opt(c, v, "more", "");
  const char *filter = opt(c, v, "filter", "*"), *type = opt(c, v, "type", "TAG");
  char each[512], first[512];
  size_t each_n = unescape(each, sizeof each, opt(c, v, "each", "")),
         first_n = unescape(first, sizeof first, opt(c, v, "first", ""));
  u8 *body = malloc((size_t)(size + 32 + each_n) * batch + first_n + 64);
  size_t bn = 0;
  if (batch <= 1) {
    for (int i = 0; i < size; i++)
      body[i] = 'a' + i % 26;
    bn = size;
  } else
    for (int k = 0; k < batch; k++) {
      u8 *p = body + bn;
      size_t more = k == 0 ? first_n : 0, pn = each_n + more;
      put32(p, (u32)(22 + size + pn));
      put32(p + 4, 0);
      put32(p + 8, 0);
      put32(p + 12, 0);
      put32(p + 16, (u32)size);
      for (int i = 0; i < size; i++)
        p[20 + i] = 'a' + i % 26;
      p[20 + size] = pn >> 8;
      p[21 + size] = pn;
      memcpy(p + 22 + size, each, each_n);
      memcpy(p + 22 + size + each_n, first, more);
      bn += 22 + size + pn;
    }
  int ep = epoll_create1(0);
  struct conn *cs = calloc(conns, sizeof *cs);
  for (int i = 0; i < conns; i++) {
    struct conn *k = cs + i;
    k->fd = dial(addr);
    fcntl(k->fd, F_SETFL, O_NONBLOCK);
    k->window = window;
    k->t0 = calloc(65536, 8);
    k->in_cap = 1 << 22;
    k->in = malloc(k->in_cap);
    k->out_cap = (size_t)(window + 1) * (bn + 2048) + 65536;
    k->out = malloc(k->out_cap);
    k->queue = i % queues;
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = k};
    epoll_ctl(ep, EPOLL_CTL_ADD, k->fd, &e);
  }
  u64 start = now_ns(), t_meas = start + (u64)(warm * 1e9), t_end = t_meas + (u64)(seconds * 1e9);
  int measuring = 0;
  double cpu0 = 0;
  char j[4096];
  u64 issued = 0;
  int active = conns;
  u64 t_last = start;
  for (;;) {
    u64 t = now_ns();
    if (!measuring && t >= t_meas) {
      measuring = 1;
      sum_msgs = sum_bytes = scanned = errs = empty = 0;
      memset(hist, 0, sizeof hist);
      hist_n = 0;
      cpu0 = cpu_s(pid);
      t_meas = t;
      t_end = t + (u64)(seconds * 1e9);
    }
    if (measuring && t >= t_end) break;
    if (drain && active == 0) break;
    for (int i = 0; i < conns; i++) {
      struct conn *k = cs + i;
      if (k->idle_until < 0) continue;
      while (k->inflight < (sending ? k->window : 1)) {
        if (rate > 0 && (double)issued > rate * ((t - start) / 1e9)) break;
        if (k->out_off == k->out_n) k->out_off = k->out_n = 0;
        if (k->out_cap - k->out_n < bn + 4096) break;
        u32 op = (k->seq++) & 0xffff;
        if (sending)
          snprintf(
              j, 4096,
              "{\"code\":%d,\"extFields\":{\"a\":\"%s\",\"b\":\"%s\",\"c\":\"TBW102\",\"d\":\"4\",\"e\":\"%d\",\"f\":"
              "\"0\",\"g\":\"%llu\",\"h\":\"0\",\"i\":\"%s\",\"j\":\"0\",\"k\":\"false\",\"m\":\"%s\"%s},\"flag\":0,"
              "\"language\":\"JAVA\",\"opaque\":%u,\"serializeTypeCurrentRPC\":\"JSON\",\"version\":401}",
              batch > 1 ? 320 : 310, group, topic, (int)((k->queue + k->seq) % queues),
              born ? born : (unsigned long long)wall_ms(), props, batch > 1 ? "true" : "false", more_fields, op);
        else
          snprintf(j, 4096,
                   "{\"code\":11,\"extFields\":{\"consumerGroup\":\"%s\",\"topic\":\"%s\",\"queueId\":\"%d\","
                   "\"queueOffset\":\"%ld\",\"maxMsgNums\":\"%d\",\"sysFlag\":\"%d\",\"commitOffset\":\"0\","
                   "\"suspendTimeoutMillis\":\"15000\",\"subscription\":\"%s\",\"subVersion\":\"0\",\"expressionType\":"
                   "\"%s\"},\"flag\":0,\"language\":\"JAVA\",\"opaque\":%u,\"serializeTypeCurrentRPC\":\"JSON\","
                   "\"version\":401}",
                   group, topic, k->queue, k->offset, maxn, drain ? 4 : 6, filter, type, op);
        k->out_n += frame(k->out + k->out_n, j, sending ? body : 0, sending ? bn : 0);
        k->t0[op] = now_ns();
        k->inflight++;
        issued++;
      }
      while (k->out_off < k->out_n) {
        ssize_t n = write(k->fd, k->out + k->out_off, k->out_n - k->out_off);
        if (n < 0) {
          if (errno == EAGAIN) break;
          die("write");
        }
        k->out_off += n;
      }
    }
    struct epoll_event ev[256];
    int n = epoll_wait(ep, ev, 256, rate > 0 ? 0 : 50);
    for (int i = 0; i < n; i++) {
      struct conn *k = ev[i].data.ptr;
      if (!(ev[i].events & EPOLLIN)) continue;
      for (;;) {
        if (k->in_cap == k->in_n) {
          k->in_cap *= 2;
          k->in = realloc(k->in, k->in_cap);
        }
        ssize_t r = read(k->fd, k->in + k->in_n, k->in_cap - k->in_n);
        if (r == 0) {
          fprintf(stderr, "closed by broker\n");
          exit(1);
        }
        if (r < 0) {
          if (errno == EAGAIN) break;
          die("read");
        }
        k->in_n += r;
      }
      size_t p = 0;
      while (k->in_n - p >= 8) {
        u32 len = get32(k->in + p);
        if (k->in_n - p < 4 + (size_t)len) break;
        u32 hw = get32(k->in + p + 4), hl = hw & 0xffffff;
        const u8 *h = k->in + p + 8;
        long code, op;
        const u8 *b = h + hl;
        size_t blen = len - 4 - hl;
        if (hw >> 24) {
          code = (h[0] << 8) | h[1];
          op = get32(h + 5);
        } else {
          code = json_int(h, hl, "code");
          op = json_int(h, hl, "opaque");
          long flag = json_int(h, hl, "flag");
          if (!(flag & 1)) {
            p += 4 + len;
            continue;
          }
        }
        k->inflight--;
        u64 dt = (now_ns() - k->t0[op & 0xffff]) / 1000;
        t_last = now_ns();
        if (sending) {
          if (code == 0) {
            sum_msgs += batch;
            sum_bytes += (long long)size * batch;
            hist_add(dt);
          } else {
            errs++;
            last_code = code;
            snprintf(last_remark, sizeof last_remark, "%.*s", (int)(hl < 150 ? hl : 150), h);
          }
        } else {
          long nx = json_int(h, hl, "nextBeginOffset");
          int moved = nx > k->offset;
          if (moved) {
            scanned += nx - k->offset;
            k->offset = nx;
          }
          if (code == 0) {
            size_t q = 0;
            long m = 0;
            while (q + 4 <= blen) {
              u32 l = get32(b + q);
              if (l < 20 || q + l > blen) break;
              m++;
              q += l;
            }
            sum_msgs += m;
            sum_bytes += q;
            hist_add(dt);
            if (m == 0 || !moved) errs++;
          } else {
            empty++;
            if (!moved && drain) {
              k->idle_until = -1;
              active--;
            }
            if (code != 19 && code != 20 && code != 21) {
              errs++;
              last_code = code;
              snprintf(last_remark, sizeof last_remark, "%.*s", (int)(hl < 150 ? hl : 150), h);
            }
          }
        }
        p += 4 + len;
      }
      if (p) {
        memmove(k->in, k->in + p, k->in_n - p);
        k->in_n -= p;
      }
    }
  }
  u64 t1 = drain ? t_last : now_ns();
  double s = (t1 - t_meas) / 1e9, cpu = cpu_s(pid) - cpu0;
  printf("{\"mode\":\"%s\",\"conns\":%d,\"window\":%d,\"size\":%d,\"batch\":%d,\"seconds\":%.2f,\"messages\":%lld,"
         "\"msg_per_s\":%.0f,\"mb_per_s\":%.1f,\"p50_us\":%.0f,\"p99_us\":%.0f,\"p999_us\":%.0f,\"max_us\":%.0f,"
         "\"errors\":%lld,\"empty\":%lld,\"scanned\":%lld,\"broker_cpu_s\":%.2f,\"cpu_us_per_msg\":%.3f,"
         "\"broker_rss_anon_mb\":%.0f}\n",
         mode, conns, window, size, batch, s, sum_msgs, sum_msgs / s, sum_bytes / s / 1e6, hist_at(.5), hist_at(.99),
         hist_at(.999), hist_at(1 - 1e-12), errs, empty, scanned, cpu, sum_msgs ? cpu * 1e6 / sum_msgs : 0,
         rss_mb(pid));
  if (errs) fprintf(stderr, "last error code %ld: %s\n", last_code, last_remark);
  return errs > 0;
}
