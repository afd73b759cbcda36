import ApusBase
import ApusProtocol
import ApusSystem
import Glibc

/// A peer with a blocking socket: it decides which bytes leave when, and whether it reads.
class BlockingPeer {
  let descriptor: Int32
  private var received: [UInt8] = []

  init(port: UInt16, receiveBuffer: Int32 = 0) throws {
    descriptor = try Socket.connect(to: .loopback(port: port))
    try Socket.resizeBuffers(descriptor, send: 0, receive: receiveBuffer)
    // Blocking from here on, but not for ever, so that a fault fails the test instead of holding it up.
    let flags = fcntl(descriptor, F_GETFL, 0)
    _ = fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK)
    var limit = timeval(tv_sec: Int(Patience.limit.components.seconds), tv_usec: 0)
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { Socket.close(descriptor) }

  /// Sends bytes as they are.
  func send(bytes: [UInt8]) {
    var sent = 0
    while sent < bytes.count {
      let count = Socket.send(descriptor, bytes.rawSpan.extracting(sent..<bytes.count))
      guard count > 0 else { return }
      sent += count
    }
  }

  /// The next command; nil when the server has closed, or says nothing for a long time.
  func receive() throws -> Command? {
    while true {
      if let command = try Self.takeFrame(&received) { return command }
      var buffer = [UInt8](repeating: 0, count: 65_536)
      let count = unsafe buffer.withUnsafeMutableBytes { unsafe Socket.receive(descriptor, into: $0) }
      if count <= 0 { return nil }
      received.append(contentsOf: buffer[..<count])
    }
  }

  /// Takes the frame that the bytes begin with; nil when it has not come whole.
  static func takeFrame(_ bytes: inout [UInt8]) throws -> Command? {
    guard let length = try Frame.length(of: bytes.rawSpan), bytes.count >= length else { return nil }
    let command = try Command(frame: bytes.rawSpan.extracting(0..<length))
    bytes.removeFirst(length)
    return command
  }
}
