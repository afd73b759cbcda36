package import ApusBase
import COpenSSL

/// What all TLS connections of a port, or of a client, have in common: certificate, key and trust. Does not change; new
/// certificates are a new context, and connections keep the one they began with.
///
/// TLS 1.2 and 1.3 only, with forward secrecy and authenticated encryption only. No compression, no renegotiation.
/// Sessions are resumed by tickets, for which a server keeps nothing.
@safe
package final class TLSContext: @unchecked Sendable {
  /// Which side of a connection it is for.
  package enum Role: Sendable {
    /// Takes connections.
    case server
    /// Makes connections.
    case client
  }

  /// Which side of a connection it is for.
  package let role: Role
  let context: OpaquePointer

  /// How long tickets may be used, in seconds.
  private static let ticketSeconds = 3600
  /// TLS 1.2 suites; those of 1.3 are all of this kind.
  private static let suites = "ECDHE+AESGCM:ECDHE+CHACHA20"

  private init(_ role: Role) throws(TLSError) {
    TLSError.forget()
    guard let made = unsafe SSL_CTX_new(role == .server ? TLS_server_method() : TLS_client_method()) else {
      throw TLSError.noted("TLS cannot be used")
    }
    self.role = role
    unsafe context = made
    unsafe apus_tls_set_options(made)
    unsafe apus_tls_keep_no_sessions(made)
    unsafe SSL_CTX_set_timeout(made, TLSContext.ticketSeconds)
    var name = Array("apus".utf8)
    let isReady = unsafe name.withUnsafeMutableBufferPointer { bytes in
      unsafe SSL_CTX_set_session_id_context(made, bytes.baseAddress, UInt32(bytes.count)) == 1
    }
    guard isReady, unsafe apus_tls_at_least_1_2(made) == 1,
      unsafe SSL_CTX_set_cipher_list(made, TLSContext.suites) == 1
    else { throw TLSError.noted("this OpenSSL lacks the suites that are needed") }
  }

  deinit { unsafe SSL_CTX_free(context) }

  /// A server's context from files. Throws, naming the file, for one that cannot be read or does not fit.
  package static func server(
    _ credentials: TLSCredentials, clientCertificate: TLSClientCertificate = .none, trust: TLSTrust = .anyone
  ) throws(TLSError) -> TLSContext {
    let made = try TLSContext(.server)
    try made.use(credentials)
    var mode = SSL_VERIFY_NONE
    switch clientCertificate {
    case .none: break
    case .optional: mode = SSL_VERIFY_PEER
    case .require: mode = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
    }
    try made.verify(mode, trust)
    return made
  }

  /// A server's context with a key and a certificate that are made now, in memory. Nobody can tell this server from
  /// another.
  package static func selfSigned() throws(TLSError) -> TLSContext {
    let made = try TLSContext(.server)
    let (certificate, key) = try SelfSignedCertificate.make()
    try made.use(certificate, chain: [], key, from: nil)
    return made
  }

  /// A client's context. Without trust in somebody it talks to anybody. Throws, naming the file, for one that cannot
  /// be read or does not fit.
  package static func client(
    _ credentials: TLSCredentials? = nil, trust: TLSTrust = .anyone
  ) throws(TLSError) -> TLSContext {
    let made = try TLSContext(.client)
    if let credentials { try made.use(credentials) }
    try made.verify(SSL_VERIFY_PEER, trust)
    return made
  }

  // MARK: Certificates

  /// When the certificate ceases to be good; nil when there is none.
  package var certificateEnd: WallTime? {
    let seconds = unsafe apus_tls_certificate_end(context)
    return seconds == .min ? nil : WallTime(milliseconds: seconds * 1000)
  }

  private func use(_ credentials: TLSCredentials) throws(TLSError) {
    let certificates = try PEMFile.certificates(credentials.certificatePath)
    let key = try PEMFile.privateKey(credentials.keyPath, password: credentials.keyPassword)
    try use(certificates[0], chain: certificates.dropFirst(), key, from: credentials)
  }

  private func use(
    _ certificate: Certificate, chain: ArraySlice<Certificate>, _ key: PrivateKey, from files: TLSCredentials?
  ) throws(TLSError) {
    TLSError.forget()
    let certificatePath = files?.certificatePath ?? "memory"
    guard unsafe SSL_CTX_use_certificate(context, certificate.pointer) == 1 else {
      throw TLSError.noted("the certificate in \(certificatePath) cannot be used")
    }
    for next in chain where unsafe apus_tls_add_chain(context, next.pointer) != 1 {
      throw TLSError.noted("a certificate in \(certificatePath) cannot be used")
    }
    let keyPath = files?.keyPath ?? "memory"
    guard unsafe SSL_CTX_use_PrivateKey(context, key.pointer) == 1, unsafe SSL_CTX_check_private_key(context) == 1
    else { throw TLSError.noted("the key in \(keyPath) does not belong to the certificate in \(certificatePath)") }
  }

  private func verify(_ mode: Int32, _ trust: TLSTrust) throws(TLSError) {
    unsafe SSL_CTX_set_verify(context, mode, nil)
    TLSError.forget()
    switch trust {
    case .anyone:
      unsafe SSL_CTX_set_cert_verify_callback(context, { _, _ in 1 }, nil)
    case .system:
      guard unsafe SSL_CTX_set_default_verify_paths(context) == 1 else {
        throw TLSError.noted("the certificates that this machine trusts cannot be read")
      }
    case .file(let path):
      let store = unsafe SSL_CTX_get_cert_store(context)
      for certificate in try PEMFile.certificates(path) {
        // One that stands in the file twice is no error.
        guard unsafe X509_STORE_add_cert(store, certificate.pointer) == 1 else {
          throw TLSError.noted("a certificate in \(path) cannot be trusted")
        }
        // Tells clients which of their certificates to send.
        if role == .server { unsafe SSL_CTX_add_client_CA(context, certificate.pointer) }
      }
    }
  }
}
