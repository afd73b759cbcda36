#ifndef APUS_COPENSSL_TLS_H
#define APUS_COPENSSL_TLS_H
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <time.h>

// What OpenSSL offers as macros only.

static inline int apus_tls_at_least_1_2(SSL_CTX *context) {
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
}

// A peer that leaves without a word has cut off nothing unnoticed, as frames have lengths: it ends the stream like one
// that says so. With read-ahead one receive brings a whole record and what follows it.
static inline void apus_tls_set_options(SSL_CTX *context) {
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
}

static inline void apus_tls_keep_no_sessions(SSL_CTX *context) {
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

// Does not take the certificate over.
static inline int apus_tls_add_chain(SSL_CTX *context, X509 *certificate) {
  return (int)SSL_CTX_add1_chain_cert(context, certificate);
}

// When the context's certificate ceases to be good, in seconds since 1970; INT64_MIN when there is none.
static inline int64_t apus_tls_certificate_end(const SSL_CTX *context) {
  const X509 *certificate = SSL_CTX_get0_certificate(context);
  struct tm end;
  if (certificate == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1) return INT64_MIN;
  return (int64_t)timegm(&end);
}

static inline int apus_tls_announce_server(SSL *session, const char *name) {
  return (int)SSL_set_tlsext_host_name(session, name);
}

static inline EVP_PKEY *apus_tls_new_p256_key(void) { return EVP_EC_gen("P-256"); }

static inline void apus_bio_retry_read(BIO *bio) {
  BIO_clear_retry_flags(bio);
  BIO_set_retry_read(bio);
}

static inline void apus_bio_clear_retry(BIO *bio) { BIO_clear_retry_flags(bio); }
#endif
