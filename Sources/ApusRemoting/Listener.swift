import ApusBase
package import ApusModel
package import ApusSystem
import Synchronization

/// A port with the service behind it. Takes connections on one loop and hands each to the least loaded one.
package final class Listener: EventHandler, @unchecked Sendable {
  /// The address that is bound, with the port that the system chose when 0 was asked for.
  package let address: HostAddress
  /// Who answers the requests of its connections.
  package let service: any RemotingService

  /// Takes a connection; the calls of a listening socket, or a test's.
  typealias Accept = @Sendable (Int32) -> Socket.Accepted

  private let descriptor: Int32
  private let loops: [RemotingLoop]
  private let log: Logger
  private let settings: RemotingSettings
  private let acceptCall: Accept
  private let tls: ServerTLS?
  private var id: HandlerID?
  private var isPaused = false
  /// Whether the last try failed for want of descriptors, or of room for a connection.
  private var isExhausted = false
  private var isClosed = false
  /// No more than this are taken in one turn.
  private static let batch = 64

  init(
    _ descriptor: Int32, _ address: HostAddress, service: any RemotingService, loops: [RemotingLoop],
    settings: RemotingSettings, tls: ServerTLS?, log: Logger, accept: @escaping Accept = Socket.accept
  ) {
    self.tls = tls
    self.descriptor = descriptor
    self.address = address
    self.service = service
    self.loops = loops
    self.settings = settings
    self.log = log
    acceptCall = accept
  }

  deinit {
    if !isClosed { Socket.close(descriptor) }
  }

  /// The loop on which connections are taken.
  private var loop: EventLoop { loops[0].loop }

  /// Begins to take connections. On the loop.
  func start() {
    guard !isClosed else { return }
    do {
      id = try loop.add(descriptor, self)
    } catch {
      // A listening socket that cannot be watched: the system is out of memory or watches.
      log.error("remoting", "cannot take connections", ["address": address, "reason": error])
    }
  }

  /// Frees the port. On the loop.
  func close() {
    guard !isClosed else { return }
    isClosed = true
    if let id { loop.remove(id, descriptor) }
    Socket.close(descriptor)
  }

  package func ready(_ events: ReadyEvents, on loop: EventLoop) {
    guard !isClosed, !isPaused else { return }
    for _ in 0..<Listener.batch {
      guard loops.connectionCount < settings.connectionLimit else { return pause("as many are open as may be") }
      switch acceptCall(descriptor) {
      case .connection(let descriptor, let peer):
        if isExhausted {
          isExhausted = false
          log.info("remoting", "connections are taken again", ["address": address])
        }
        take(descriptor, HostAddress(peer))
      case .none: return
      case .gone: continue
      case .exhausted(let errno): return pause(SystemError.text(errno))
      }
    }
    loop.callAgain(self)
  }

  /// Tries again after a while: the system does not tell when a descriptor becomes free.
  private func pause(_ reason: String) {
    if !isExhausted {
      isExhausted = true
      log.error("remoting", "no more connections are taken for now", ["address": address, "reason": reason])
    }
    isPaused = true
    let loop = loop
    loop.schedule(after: settings.acceptPause) { [self] in
      isPaused = false
      ready([], on: loop)
    }
  }

  private func take(_ descriptor: Int32, _ peer: HostAddress) {
    let target = loops.leastLoaded
    target.assigned.add(1, ordering: .relaxed)
    if target === loops[0] {
      open(descriptor, peer, on: target)
    } else if !target.loop.execute({ [self] in open(descriptor, peer, on: target) }) {
      Socket.close(descriptor)
    }
  }

  private func open(_ descriptor: Int32, _ peer: HostAddress, on target: RemotingLoop) {
    target.open(descriptor, peer: peer, service: service, entrance: tls)
  }
}
