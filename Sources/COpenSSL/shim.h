#ifndef APUS_COPENSSL_SHIM_H
#define APUS_COPENSSL_SHIM_H
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include "tls.h"

/* SHA-1 over a state that is a plain value: it can be copied, and nothing is allocated. OpenSSL 3 marks these functions
   as deprecated in favour of ones that allocate a context for every digest. */
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
static inline void apus_sha1_begin(SHA_CTX *state) { SHA1_Init(state); }
static inline void apus_sha1_feed(SHA_CTX *state, const void *bytes, size_t count) {
  SHA1_Update(state, bytes, count);
}
static inline void apus_sha1_end(SHA_CTX *state, unsigned char *digest) { SHA1_Final(digest, state); }
#pragma clang diagnostic pop
#endif
