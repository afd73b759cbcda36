/// A socket that is connecting, on an event loop.
package final class ConnectAttempt: EventHandler {
  /// Called with the connected descriptor, or with −1 and the reason; that is nil for one that was given up.
  package typealias Completion = (Int32, String?) -> Void

  private let address: SocketAddress
  private let descriptor: Int32
  private let loop: EventLoop
  private var id: HandlerID?
  private var done: Completion?

  /// Begins to connect; to be called on the loop. `done` is called there once. Throws when the system refuses at once.
  package init(
    to address: SocketAddress, on loop: EventLoop, _ done: @escaping Completion
  ) throws(SystemError) {
    self.address = address
    self.loop = loop
    descriptor = try Socket.connect(to: address)
    do throws(SystemError) {
      id = try loop.add(descriptor, self)
    } catch {
      Socket.close(descriptor)
      throw error
    }
    self.done = done
  }

  package func ready(_ events: ReadyEvents, on loop: EventLoop) {
    guard done != nil, !events.isDisjoint(with: [.writable, .failed, .hungUp]) else { return }
    let errno = Socket.connectionError(descriptor)
    if errno != 0 { return end("connect to \(address): \(SystemError.text(errno))") }
    leave()?(descriptor, nil)
  }

  package func loopEnded(_ loop: EventLoop) { end("the event loop has stopped") }

  /// Gives up, unless the outcome is known already.
  package func end(_ reason: String?) {
    guard let done = leave() else { return }
    Socket.close(descriptor)
    done(-1, reason)
  }

  private func leave() -> Completion? {
    defer { done = nil }
    if done != nil, let id { loop.remove(id, descriptor) }
    return done
  }
}
