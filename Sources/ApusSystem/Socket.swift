import ApusBase
import CPosix
import Glibc

/// The calls on TCP sockets that loops make. All sockets are non-blocking and closed on exec.
package enum Socket {
  /// Opens a listening socket that no other process can bind beside. Throws EADDRINUSE when the port is taken, naming
  /// it.
  package static func listen(on address: SocketAddress, backlog: Int32 = 1024) throws(SystemError) -> Int32 {
    var target = address.forCalls
    let result = unsafe apus_listen(&target, backlog)
    if result == -EADDRINUSE { throw SystemError(errno: EADDRINUSE, operation: "port in use: listen on \(address)") }
    return try Syscall.check(result, "listen on \(address)")
  }

  /// The outcome of trying to take a waiting connection.
  package enum Accepted {
    /// A new connection.
    case connection(descriptor: Int32, peer: SocketAddress)
    /// None waits.
    case none
    /// The process or the machine has no descriptor or memory left for it: it stays waiting.
    case exhausted(errno: Int32)
    /// The one that waited is gone; the next may be taken.
    case gone
  }

  /// Takes a waiting connection.
  package static func accept(_ listener: Int32) -> Accepted {
    var peer = apus_address()
    let result = unsafe apus_accept(listener, &peer)
    if result >= 0 { return .connection(descriptor: result, peer: SocketAddress(peer)) }
    switch -result {
    case EAGAIN: return .none
    case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted(errno: -result)
    default: return .gone
    }
  }

  /// Opens a socket that is connecting: writable once that has ended, as `connectionError` tells.
  package static func connect(to address: SocketAddress) throws(SystemError) -> Int32 {
    var target = address.forCalls
    return try unsafe Syscall.check(apus_connect(&target), "connect to \(address)")
  }

  /// Why connecting failed; 0 when it did not.
  package static func connectionError(_ descriptor: Int32) -> Int32 { apus_socket_error(descriptor) }

  /// Two sockets of this process that are connected to each other.
  package static func pair() throws(SystemError) -> (Int32, Int32) {
    var ends: [Int32] = [0, 0]
    try unsafe Syscall.check(apus_socket_pair(&ends), "socketpair")
    return (ends[0], ends[1])
  }

  /// Sends what is written at once rather than waiting for more; other sockets than TCP's always do.
  package static func disableDelay(_ descriptor: Int32) throws(SystemError) {
    try Syscall.check(apus_no_delay(descriptor), "setsockopt TCP_NODELAY")
  }

  /// Breaks a TCP connection (ETIMEDOUT) over which what was sent has not been acknowledged for this long, cut to
  /// milliseconds: the peer's machine or the way to it is gone, or it has read nothing. With zero the system tries for
  /// a quarter of an hour.
  package static func limitUnacknowledged(_ descriptor: Int32, to limit: Duration) throws(SystemError) {
    try Syscall.check(
      apus_unacknowledged_limit(descriptor, UInt32(clamping: limit.milliseconds)), "setsockopt TCP_USER_TIMEOUT")
  }

  /// Sets the kernel's buffers in bytes; 0 leaves one as it is.
  package static func resizeBuffers(_ descriptor: Int32, send: Int32, receive: Int32) throws(SystemError) {
    try Syscall.check(apus_buffer_sizes(descriptor, send, receive), "setsockopt SO_SNDBUF, SO_RCVBUF")
  }

  /// The address a socket is bound to.
  package static func localAddress(_ descriptor: Int32) throws(SystemError) -> SocketAddress {
    var address = apus_address()
    try unsafe Syscall.check(apus_local_address(descriptor, &address), "getsockname")
    return SocketAddress(address)
  }

  /// Receives up to the buffer's length: the count, 0 at the end of the stream, or the negated error number (−EAGAIN:
  /// nothing waits).
  package static func receive(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> Int {
    unsafe apus_receive(descriptor, buffer.baseAddress, buffer.count)
  }

  /// The next byte, which stays to be received: the byte, or the negated error number (−EAGAIN: none has come, −EPIPE:
  /// the stream has ended).
  package static func peek(_ descriptor: Int32) -> Int { Int(apus_peek(descriptor)) }

  /// Sends what fits: the count, or the negated error number (−EAGAIN: nothing fits).
  package static func send(_ descriptor: Int32, _ bytes: RawSpan) -> Int {
    unsafe bytes.withUnsafeBytes { unsafe apus_send(descriptor, $0.baseAddress, $0.count) }
  }

  /// Whether the outcome of `receive` or `send` says to try again when the socket is ready.
  package static func wouldBlock(_ result: Int) -> Bool { result == -Int(EAGAIN) }

  /// Ends the sending direction; the peer reads what was sent and then the end of the stream.
  package static func endSending(_ descriptor: Int32) {
    // It fails only when the peer has already gone.
    _ = apus_shutdown_sending(descriptor)
  }

  /// Closes a socket.
  package static func close(_ descriptor: Int32) { _ = apus_close(descriptor) }
}
