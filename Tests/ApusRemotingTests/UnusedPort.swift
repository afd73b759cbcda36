import ApusSystem

/// A port of this machine that nobody listens on, and that nobody else is given while this is there: one end of a
/// connection has it.
final class UnusedPort {
  let number: UInt16
  private let descriptors: [Int32]

  init() throws {
    let listener = try Socket.listen(on: .loopback(port: 0))
    let end = try Socket.connect(to: Socket.localAddress(listener))
    descriptors = [listener, end]
    number = try Socket.localAddress(end).port
  }

  deinit { for descriptor in descriptors { Socket.close(descriptor) } }

  /// Where nobody is, `host:port`.
  var address: String { "127.0.0.1:\(number)" }
}
