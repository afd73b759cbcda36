import ApusBase
import ApusModel
import ApusProtocol
import ApusSystem
import Synchronization

/// What the connections of one event loop share. Belongs to the loop's thread.
final class RemotingLoop: TurnObserver, @unchecked Sendable {
  let loop: EventLoop
  let settings: RemotingSettings
  let inbound: InboundBudget
  let outbound: OutboundBudget
  let log: Logger

  /// Taken out while frames are decoded.
  var decoder: RequestDecoder? = RequestDecoder()
  var outputs = OutputBufferPool()
  /// Those told of turns and ticks.
  private(set) var services: [any RemotingService] = []
  private(set) var connections: ContiguousArray<Connection> = []
  private var dirty: ContiguousArray<Connection> = []
  private var flushing: ContiguousArray<Connection> = []
  private var closed: ContiguousArray<Connection> = []
  private var waiting: ContiguousArray<Connection> = []
  private var isRetryScheduled = false
  private var sweepTime: MonotonicTime?
  private var sweepTimer: EventLoop.Timer?
  /// Called when the last connection is gone, once.
  private var onEmpty: (() -> Void)?
  private(set) var isQuiet = false
  /// Connections handed to this loop by listeners and not closed yet; from any thread.
  let assigned = Atomic<Int>(0)
  let calls = CallTable()

  /// How often connections that wait for the budget look again.
  private static let retryInterval = Duration.milliseconds(20)
  /// Deadlines are looked at no more often than this.
  private static let sweepInterval = Duration.milliseconds(50)

  init(
    _ loop: EventLoop, settings: RemotingSettings, inbound: InboundBudget, outbound: OutboundBudget, log: Logger
  ) {
    self.loop = loop
    self.settings = settings
    self.inbound = inbound
    self.outbound = outbound
    self.log = log
  }

  // MARK: Connections

  /// Tells a service of turns and ticks from now on.
  func serve(_ service: any RemotingService) {
    if !services.contains(where: { $0 === service }) { services.append(service) }
  }

  /// Serves a connected socket, which is counted in ``assigned`` already.
  func open(
    _ descriptor: Int32, peer: HostAddress, service: any RemotingService, entrance: ServerTLS?
  ) {
    let connection = Connection(descriptor, peer: peer, service: service, on: self, entrance: entrance)
    connection.onLeave = { [self] in assigned.subtract(1, ordering: .relaxed) }
    do {
      try connection.open()
    } catch {
      assigned.subtract(1, ordering: .relaxed)
      log.warning("remoting", "dropping a new connection", ["peer": peer, "reason": error])
    }
  }

  func opened(_ connection: Connection) {
    connection.position = connections.count
    connections.append(connection)
    needsSweep(at: loop.now + settings.idleLimit)
    log.debug("remoting", "connection opened", ["peer": connection.peer])
    if isQuiet { connection.stopReading() }
  }

  /// The connection has left the loop; the service hears of it at the end of the turn.
  func left(_ connection: Connection) {
    let last = connections.removeLast()
    if last !== connection {
      connections[connection.position] = last
      last.position = connection.position
    }
    closed.append(connection)
  }

  func isDirty(_ connection: Connection) { dirty.append(connection) }

  func waitsForBudget(_ connection: Connection) {
    waiting.append(connection)
    scheduleRetry()
  }

  private func scheduleRetry() {
    guard !isRetryScheduled else { return }
    isRetryScheduled = true
    loop.schedule(after: RemotingLoop.retryInterval) { [self] in
      isRetryScheduled = false
      let connections = waiting
      waiting.removeAll(keepingCapacity: true)
      for connection in connections { connection.retryBudget() }
    }
  }

  // MARK: Turns

  func turnEnded(on loop: EventLoop) {
    tellClosed()
    for service in services { service.turnEnded(on: loop) }
  }

  func tick(on loop: EventLoop, now: MonotonicTime) {
    for service in services { service.tick(on: loop, now: now) }
  }

  func flush(on loop: EventLoop) {
    guard !dirty.isEmpty || !closed.isEmpty else { return }
    swap(&dirty, &flushing)
    for connection in flushing { connection.flush() }
    flushing.removeAll(keepingCapacity: true)
    tellClosed()
  }

  private func tellClosed() {
    // A service that hears of one may close others.
    while let connection = closed.popLast() {
      calls.fail(connection.id, .closed)
      connection.service.connectionClosed(connection)
    }
    if connections.isEmpty, let onEmpty {
      self.onEmpty = nil
      onEmpty()
    }
  }

  // MARK: Deadlines

  /// Makes sure that deadlines are looked at by `time`.
  func needsSweep(at time: MonotonicTime) {
    if let sweepTime, sweepTime <= time { return }
    if let sweepTimer { loop.cancel(sweepTimer) }
    sweepTime = time
    sweepTimer = loop.schedule(at: time) { [self] in sweep() }
  }

  private func sweep() {
    sweepTime = nil
    sweepTimer = nil
    let now = loop.now
    var next: MonotonicTime?
    // From the end, as closing moves the last connection into the gap.
    for position in stride(from: connections.count - 1, through: 0, by: -1) where position < connections.count {
      let connection = connections[position]
      guard let deadline = connection.checkDeadlines(now) else { continue }
      if deadline < next ?? deadline + .nanoseconds(1) { next = deadline }
    }
    if let next { needsSweep(at: max(next, now + RemotingLoop.sweepInterval)) }
  }

  // MARK: Shutdown

  /// Reads no more requests, from any connection.
  func stopReading() {
    isQuiet = true
    for connection in connections { connection.stopReading() }
  }

  /// Closes every connection once its output is sent, or when the time is over, then calls `whenEmpty`.
  func closeAll(within limit: Duration, whenEmpty: @escaping () -> Void) {
    guard !connections.isEmpty else { return whenEmpty() }
    onEmpty = whenEmpty
    for connection in Array(connections) { connection.close() }
    loop.schedule(after: limit) { [self] in
      for connection in Array(connections) { connection.abort(nil) }
    }
  }
}

extension [RemotingLoop] {
  /// How many connections they have together.
  var connectionCount: Int { reduce(0) { $0 + $1.assigned.load(ordering: .relaxed) } }

  /// The one that new connections go to.
  var leastLoaded: RemotingLoop {
    guard let least = self.min(by: { $0.assigned.load(ordering: .relaxed) < $1.assigned.load(ordering: .relaxed) })
    else { preconditionFailure("a server without loops") }
    return least
  }
}
