import ApusBase
import COpenSSL
import Glibc

/// One TLS connection over a socket, for one thread at a time.
///
/// It receives from the socket by itself, a record and what follows it at a time, and never more often than the socket
/// has something. What it has to send, records of up to 16 KiB, gathers in memory until `send` is called; nothing waits
/// within OpenSSL, so that a peer that does not fetch is noticed where all output is counted.
@safe
package final class TLSSession {
  /// Where a handshake stands.
  package enum Handshake: Hashable, Sendable {
    /// Both sides are sure; requests and answers may go.
    case done
    /// It is the peer's turn.
    case waiting
    /// There will be no connection; an alert that says so may wait to be sent.
    case failed(String)
  }

  /// How much memory a handshake takes, in bytes: 41 to 47 KB were measured with one certificate.
  package static let handshakeBytes = 64 << 10
  /// How much memory a record takes that has not come whole, in bytes.
  package static let recordBytes = 17 << 10
  /// What is kept of the memory for output while there is none, in bytes.
  private static let idleOutputBytes = 512
  /// More than this is never waiting to be sent: what is encrypted in one go, and answers to the peer's key updates.
  private static let outputLimit = 1 << 20
  /// What is received in one go beyond what is asked for, in bytes: a peer that sends without end what holds no bytes
  /// for us does not keep the thread.
  private static let overhead = 128 << 10

  /// Whether the handshake is done.
  package private(set) var isEstablished = false
  /// Why the connection cannot go on, if that is not only that the socket broke.
  package private(set) var failure: String?
  /// Whether everything has been read that the socket had.
  package private(set) var isStarved = false

  private let session: OpaquePointer
  /// It is what the session refers to.
  private let context: TLSContext
  private let descriptor: Int32
  private var boundary = TLSRecordBoundary()
  private var isDrained: Bool
  /// How much may be received until the call at hand ends.
  private var allowance = 0
  private var isPeerEnded: Bool
  private var isBroken = false
  /// Whether the end of the stream has come.
  fileprivate private(set) var hasEnded = false
  private var hasSaidGoodbye = false
  private var output = ByteWriter(capacity: 16)
  private var sentBytes = 0

  /// Begins a connection on a socket that is connected. A client gives the server's name.
  package init(
    _ context: TLSContext, descriptor: Int32, server: TLSServerName? = nil, isPeerEnded: Bool = false
  ) throws(TLSError) {
    TLSError.forget()
    guard let made = unsafe SSL_new(context.context) else { throw TLSError.noted("a session cannot be made") }
    unsafe session = made
    self.context = context
    self.descriptor = descriptor
    self.isPeerEnded = isPeerEnded
    // A client speaks first: nothing can have come.
    isDrained = context.role == .client
    guard let method = unsafe SocketBIO.method, let bio = unsafe BIO_new(method) else {
      throw TLSError.noted("a session cannot be made")
    }
    unsafe BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
    unsafe BIO_set_init(bio, 1)
    // Takes it over, for both directions.
    unsafe SSL_set_bio(made, bio, bio)
    switch context.role {
    case .server: unsafe SSL_set_accept_state(made)
    case .client:
      unsafe SSL_set_connect_state(made)
      if let server { try name(server) }
    }
  }

  deinit { unsafe SSL_free(session) }

  private func name(_ server: TLSServerName) throws(TLSError) {
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    let isAddress = server.text.contains(":") || server.text.utf8.allSatisfy { digits ~= $0 || $0 == UInt8(ascii: ".") }
    // Only names are announced (RFC 6066).
    var isSet = unsafe isAddress || apus_tls_announce_server(session, server.text) == 1
    if server.isChecked {
      let parameters = unsafe SSL_get0_param(session)
      isSet =
        unsafe isSet
        && (isAddress
          ? X509_VERIFY_PARAM_set1_ip_asc(parameters, server.text) == 1 : SSL_set1_host(session, server.text) == 1)
    }
    guard isSet else { throw TLSError.noted("\(server.text) cannot be the name of a server") }
  }

  // MARK: The socket

  /// The socket has something to read again, or the peer has ended its direction.
  package func becameReadable(isPeerEnded: Bool) {
    isDrained = false
    if isPeerEnded { self.isPeerEnded = true }
  }

  /// Whether a part of a record has come, for which memory is held.
  package var isInsideRecord: Bool { boundary.isInside }

  /// What OpenSSL calls for more bytes: the count, 0 at the end, −1 with `mayRetry` when there are none now.
  fileprivate func receiveRecords(into buffer: UnsafeMutableRawBufferPointer) -> (count: Int32, mayRetry: Bool) {
    if isDrained || allowance <= 0 { return (-1, true) }
    let count = unsafe Socket.receive(descriptor, into: buffer)
    guard count > 0 else {
      if Socket.wouldBlock(count) {
        isDrained = true
        return (-1, true)
      }
      if count < 0 { isBroken = true } else { hasEnded = true }
      return (Int32(count.signum()), false)
    }
    // Less than there was room for means that no more waits, unless it is the end of the stream.
    if count < buffer.count, !isPeerEnded { isDrained = true }
    allowance -= count
    boundary.advance(over: unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: buffer[..<count])))
    return (Int32(count), false)
  }

  /// What OpenSSL calls with bytes for the peer: false when there are too many.
  fileprivate func gather(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard pendingOutput + bytes.count <= TLSSession.outputLimit else { return false }
    unsafe output.write(RawSpan(_unsafeBytes: bytes))
    return true
  }

  // MARK: The peer

  /// Goes on with the handshake as far as the bytes that have come allow.
  package func handshake() -> Handshake {
    isStarved = false
    allowance = TLSSession.overhead
    TLSError.forget()
    let result = unsafe SSL_do_handshake(session)
    if result == 1 {
      isEstablished = true
      return .done
    }
    if unsafe SSL_get_error(session, result) == SSL_ERROR_WANT_READ {
      isStarved = true
      return .waiting
    }
    return .failed(handshakeFailure())
  }

  private func handshakeFailure() -> String {
    guard let noted = TLSError.takeNoted() else { return "the peer left during the handshake" }
    let verdict = unsafe SSL_get_verify_result(session)
    guard verdict != X509_V_OK, let reason = unsafe X509_verify_cert_error_string(verdict) else { return noted }
    return unsafe "\(noted): \(String(cString: reason))"
  }

  /// Receives and decrypts up to the buffer's length: the count, 0 when the peer has ended, or the negated error number
  /// (−EAGAIN: nothing for us has come; else `failure` may say why). Less than the buffer's length with ``isStarved``
  /// means that no more waits.
  package func receive(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    isStarved = false
    allowance = buffer.count + TLSSession.overhead
    guard failure == nil, !isBroken else { return -Int(EPROTO) }
    TLSError.forget()
    var count = 0
    while count < buffer.count {
      let result = unsafe SSL_read(
        session, buffer.baseAddress.map { unsafe $0 + count }, Int32(clamping: buffer.count - count))
      if result > 0 {
        count += Int(result)
        continue
      }
      switch unsafe SSL_get_error(session, result) {
      case SSL_ERROR_WANT_READ:
        isStarved = isDrained
        return count > 0 ? count : -Int(EAGAIN)
      case SSL_ERROR_ZERO_RETURN:
        return count
      default:
        if !isBroken { failure = TLSError.takeNoted() ?? "the peer broke the protocol" }
        return count > 0 ? count : -Int(EPROTO)
      }
    }
    return count
  }

  /// Encrypts bytes, which wait to be sent then. False when the connection cannot go on.
  package func encrypt(_ bytes: RawSpan) -> Bool {
    guard bytes.byteCount > 0 else { return true }
    TLSError.forget()
    let written = unsafe bytes.withUnsafeBytes { unsafe SSL_write(session, $0.baseAddress, Int32(clamping: $0.count)) }
    guard Int(written) == bytes.byteCount else {
      failure = failure ?? TLSError.takeNoted() ?? "the peer broke the protocol"
      return false
    }
    return true
  }

  /// Tells the peer that nothing more comes (close_notify), which waits to be sent then. False when that has been said
  /// or cannot be.
  package func sayGoodbye() -> Bool {
    guard isEstablished, !hasSaidGoodbye, failure == nil, !isBroken else { return false }
    hasSaidGoodbye = true
    TLSError.forget()
    let result = unsafe SSL_shutdown(session)
    TLSError.forget()
    return result >= 0
  }

  // MARK: Output

  /// How many encrypted bytes wait to be sent.
  package var pendingOutput: Int { output.count - sentBytes }

  /// Sends what fits: the count, or the negated error number (−EAGAIN: nothing fits).
  package func send() -> Int {
    guard pendingOutput > 0 else { return 0 }
    let count = Socket.send(descriptor, output.bytes.extracting(sentBytes..<output.count))
    guard count > 0 else { return count }
    sentBytes += count
    if pendingOutput == 0 {
      output.removeAll()
      sentBytes = 0
      output.shrink(toCapacity: TLSSession.idleOutputBytes)
    }
    return count
  }

  // MARK: What was agreed

  /// The version of the protocol, `TLSv1.2` or `TLSv1.3`.
  package var version: String { unsafe String(cString: SSL_get_version(session)) }

  /// The subject of the peer's certificate in one line; nil when it has sent none.
  package var peerSubject: String? {
    guard let certificate = unsafe SSL_get1_peer_certificate(session) else { return nil }
    defer { unsafe X509_free(certificate) }
    guard let text = unsafe X509_NAME_oneline(X509_get_subject_name(certificate), nil, 0) else { return nil }
    defer { unsafe CRYPTO_free(text, nil, 0) }
    return unsafe String(cString: text)
  }
}

/// Where OpenSSL reads from and writes to: the session's socket and its output.
private enum SocketBIO {
  /// Made once; nil when there is no memory for it.
  nonisolated(unsafe) static let method: OpaquePointer? = {
    guard let made = unsafe BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "apus socket") else { return nil }
    let isSet =
      unsafe BIO_meth_set_read(made, read) == 1 && BIO_meth_set_write(made, write) == 1
      && BIO_meth_set_ctrl(made, control) == 1
    return unsafe isSet ? made : nil
  }()

  private static func session(_ bio: OpaquePointer?) -> TLSSession? {
    guard let data = unsafe BIO_get_data(bio) else { return nil }
    return unsafe Unmanaged<TLSSession>.fromOpaque(data).takeUnretainedValue()
  }

  private static let read: @convention(c) (OpaquePointer?, UnsafeMutablePointer<CChar>?, Int32) -> Int32 = {
    bio, buffer, count in
    unsafe apus_bio_clear_retry(bio)
    guard let session = unsafe session(bio), count > 0 else { return -1 }
    let (received, mayRetry) = unsafe session.receiveRecords(
      into: UnsafeMutableRawBufferPointer(start: buffer, count: Int(count)))
    if mayRetry { unsafe apus_bio_retry_read(bio) }
    return received
  }

  private static let write: @convention(c) (OpaquePointer?, UnsafePointer<CChar>?, Int32) -> Int32 = {
    bio, bytes, count in
    unsafe apus_bio_clear_retry(bio)
    guard let session = unsafe session(bio), count > 0 else { return -1 }
    return unsafe session.gather(UnsafeRawBufferPointer(start: bytes, count: Int(count))) ? count : -1
  }

  private static let control: @convention(c) (OpaquePointer?, Int32, Int, UnsafeMutableRawPointer?) -> Int = {
    bio, command, _, _ in
    switch command {
    case BIO_CTRL_FLUSH: 1
    case BIO_CTRL_EOF: unsafe session(bio)?.hasEnded == true ? 1 : 0
    default: 0
    }
  }
}
