// mqnull: the floor. One epoll thread that does the least a broker can do for a send: read the frame, find the
// opaque number, copy the body into a mapped log, answer success. No parsing of fields, queues, indexes or flushes.
// Measured with mqload beside a real broker it gives the cost that the kernel and the copy alone impose.
//   mqnull PORT LOGFILE
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
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
typedef uint8_t u8;
typedef uint32_t u32;
static u32 get32(const u8 *p) { return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3]; }
static void put32(u8 *p, u32 v) {
  p[0] = v >> 24;
  p[1] = v >> 16;
  p[2] = v >> 8;
  p[3] = v;
}
struct conn {
  int fd;
  u8 *in;
  size_t n, cap;
  u8 *out;
  size_t o, oc;
};
int main(int c, char **v) {
  if (c < 3) return 2;
  size_t L = 1ul << 30;
  int lf = open(v[2], O_RDWR | O_CREAT, 0600);
  if (ftruncate(lf, L)) return 1;
  u8 *log = mmap(0, L, PROT_READ | PROT_WRITE, MAP_SHARED, lf, 0);
  size_t w = 0;
  int s = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(v[1]))};
  inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
  if (bind(s, (void *)&a, sizeof a) || listen(s, 1024)) {
    perror("bind");
    return 1;
  }
  int ep = epoll_create1(0);
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = 0};
  epoll_ctl(ep, EPOLL_CTL_ADD, s, &e);
  for (;;) {
    struct epoll_event ev[256];
    int n = epoll_wait(ep, ev, 256, -1);
    for (int i = 0; i < n; i++) {
      struct conn *k = ev[i].data.ptr;
      if (!k) {
        int f = accept4(s, 0, 0, SOCK_NONBLOCK);
        if (f < 0) continue;
        setsockopt(f, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        k = calloc(1, sizeof *k);
        k->fd = f;
        k->cap = 1 << 18;
        k->in = malloc(k->cap);
        k->oc = 1 << 18;
        k->out = malloc(k->oc);
        struct epoll_event x = {.events = EPOLLIN, .data.ptr = k};
        epoll_ctl(ep, EPOLL_CTL_ADD, f, &x);
        continue;
      }
      ssize_t r = read(k->fd, k->in + k->n, k->cap - k->n);
      if (r <= 0) {
        if (r < 0 && errno == EAGAIN) continue;
        close(k->fd);
        free(k->in);
        free(k->out);
        free(k);
        continue;
      }
      k->n += r;
      size_t p = 0;
      k->o = 0;
      while (k->n - p >= 8) {
        u32 len = get32(k->in + p);
        if (k->n - p < 4 + (size_t)len) break;
        u32 hl = get32(k->in + p + 4) & 0xffffff;
        char *h = (char *)k->in + p + 8;
        char *q = memmem(h, hl, "\"opaque\":", 9);
        long op = q ? strtol(q + 9, 0, 10) : 0;
        char *cd = memmem(h, hl, "\"code\":", 7);
        long code = cd ? strtol(cd + 7, 0, 10) : 0;
        (void)code;
        size_t bl = len - 4 - hl;
        if (w + bl + 128 > L) w = 0;
        memcpy(log + w, k->in + p + 8 + hl, bl);
        w += bl + 128;
        int jl = sprintf(
            (char *)k->out + k->o + 8,
            "{\"code\":0,\"extFields\":{\"queueId\":\"0\",\"msgId\":\"7F00000100002A9F%016zX\",\"queueOffset\":\"%zu\"}"
            ",\"flag\":1,\"language\":\"JAVA\",\"opaque\":%ld,\"serializeTypeCurrentRPC\":\"JSON\",\"version\":401}",
            w, w / 1024, op);
        put32(k->out + k->o, 4 + jl);
        put32(k->out + k->o + 4, jl);
        k->o += 8 + jl;
        p += 4 + len;
        if (k->oc - k->o < 1024) {
          if (write(k->fd, k->out, k->o) < 0) {
          }
          k->o = 0;
        }
      }
      if (k->o)
        if (write(k->fd, k->out, k->o) < 0) {
        }
      if (p) {
        memmove(k->in, k->in + p, k->n - p);
        k->n -= p;
      }
    }
  }
}
