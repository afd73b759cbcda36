package import ApusSystem

/// A small HTTP/1.1 server for scrapers and probes: GET and HEAD on one port, on an event loop that others use too.
///
/// It never blocks, and holds a bounded number of connections with one bounded request each.
package final class HTTPServer: EventHandler, @unchecked Sendable {
  /// The address that is bound, with the port that the system chose when 0 was asked for.
  package let address: SocketAddress
  let loop: EventLoop
  let service: any HTTPService
  let limits: HTTPLimits
  private let log: Logger
  private let descriptor: Int32
  private var id: HandlerID?
  private var connections: [ObjectIdentifier: HTTPConnection] = [:]
  private var isPaused = false
  private var isClosed = false
  /// How many connections wait in the kernel to be taken.
  private static let backlog: Int32 = 64
  /// No more than this are taken in one turn.
  private static let batch = 16

  /// Takes a port; connections wait until ``start()``. Throws when the port is in use, naming it.
  package init(
    on address: SocketAddress, service: any HTTPService, loop: EventLoop, limits: HTTPLimits = HTTPLimits(), log: Logger
  ) throws(SystemError) {
    precondition(limits.connections > 0, "a server without connections")
    let descriptor = try Socket.listen(on: address, backlog: Self.backlog)
    do throws(SystemError) {
      self.address = try Socket.localAddress(descriptor)
    } catch {
      Socket.close(descriptor)
      throw error
    }
    self.descriptor = descriptor
    self.service = service
    self.loop = loop
    self.limits = limits
    self.log = log
  }

  deinit {
    if !isClosed { Socket.close(descriptor) }
  }

  /// Begins to take connections.
  package func start() {
    loop.execute { [self] in
      guard !isClosed else { return }
      do throws(SystemError) {
        id = try loop.add(descriptor, self)
      } catch {
        log.error("http", "cannot take connections", ["address": address, "reason": error])
      }
    }
  }

  /// Frees the port and closes all connections; returns when that has happened. Not to be called on the loop.
  package func stop() {
    loop.executeAndWait { [self] in close() }
  }

  private func close() {
    guard !isClosed else { return }
    isClosed = true
    if let id { loop.remove(id, descriptor) }
    Socket.close(descriptor)
    for connection in Array(connections.values) { connection.close() }
  }

  // MARK: On the loop

  package func ready(_ events: ReadyEvents, on loop: EventLoop) {
    guard !isClosed, !isPaused else { return }
    for _ in 0..<Self.batch {
      switch Socket.accept(descriptor) {
      case .connection(let descriptor, _): take(descriptor)
      case .none: return
      case .gone: continue
      case .exhausted(let errno): return pause(errno)
      }
    }
    loop.callAgain(self)
  }

  /// Tries again after a while: the system does not tell when a descriptor becomes free.
  private func pause(_ errno: Int32) {
    log.warning("http", "no more connections are taken for now", ["reason": SystemError.text(errno)])
    isPaused = true
    loop.schedule(after: limits.acceptPause) { [weak self] in
      guard let self else { return }
      isPaused = false
      ready([], on: loop)
    }
  }

  private func take(_ descriptor: Int32) {
    if connections.count >= limits.connections, !makeRoom() { return Socket.close(descriptor) }
    let connection = HTTPConnection(descriptor, server: self)
    do throws(SystemError) {
      try connection.open()
    } catch {
      return log.warning("http", "dropping a new connection", ["reason": error])
    }
    connections[ObjectIdentifier(connection)] = connection
  }

  /// Closes the connection that has been idle longest; false when none is idle.
  private func makeRoom() -> Bool {
    var oldest: HTTPConnection?
    for connection in connections.values {
      guard let since = connection.idleSince else { continue }
      if let known = oldest?.idleSince, known <= since { continue }
      oldest = connection
    }
    oldest?.close()
    return oldest != nil
  }

  func left(_ connection: HTTPConnection) { connections[ObjectIdentifier(connection)] = nil }
}
