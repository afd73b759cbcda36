package import ApusBase
import ApusModel
package import ApusProtocol
package import ApusSigning
package import ApusSystem

/// Asks other servers, over one connection to each, on one event loop. A connection is made when it is first needed,
/// and made anew when it is needed after it was lost.
package final class RemotingClient: @unchecked Sendable {
  /// Called once on the loop: with the answer, or with why there is none.
  package typealias Completion = @Sendable (Result<Command, CallError>) -> Void

  /// A call that waits for the connection, until its own time is over.
  private struct Waiting {
    let id: UInt64
    let timer: EventLoop.Timer
    let begin: (Connection?, CallError?) -> Void
  }

  /// A server and what is known of the way to it.
  private final class Target {
    var connection: Connection?
    var attempt: ConnectAttempt?
    /// A connection whose TLS handshake is under way.
    var securing: Connection?
    var waiting: [Waiting] = []
  }

  /// The loop that its connections and completions are on.
  package let loop: EventLoop
  private let shared: RemotingLoop
  private let service: any RemotingService
  private let connectTimeout: Duration
  private let tls: ClientTLS?
  /// Signs requests on the loop; nil for unsigned ones.
  private var signer: RequestSigner?
  /// Whether requests are changed after they are written.
  private let isStamping: Bool
  private let extraFields: [ReplyField]
  private var targets: [SocketAddress: Target] = [:]
  /// What servers are called by, where that is not their address.
  private var names: [SocketAddress: String] = [:]
  private var isClosed = false
  private var lastWaiting: UInt64 = 0

  /// Makes a client on a loop. `service` answers what servers ask of it; without one they get code 3. With `tls` all
  /// connections use it; with `credentials` all requests are signed; `extraFields` stand in every request.
  package init(
    loop: EventLoop, settings: RemotingSettings = RemotingSettings(), connectTimeout: Duration = .seconds(3),
    service: (any RemotingService)? = nil, tls: ClientTLS? = nil, credentials: Credentials? = nil,
    extraFields: [ReplyField] = [], log: Logger
  ) {
    self.tls = tls
    self.extraFields = extraFields
    isStamping = credentials != nil || !extraFields.isEmpty
    signer = credentials.map { RequestSigner($0, extra: extraFields) }
    self.loop = loop
    self.connectTimeout = connectTimeout
    self.service = service ?? NoService()
    let inbound = InboundBudget(limit: settings.inboundBudget, frameLimit: settings.effectiveFrameLimit)
    let outbound = OutboundBudget(limit: settings.outboundBudget)
    shared = RemotingLoop(loop, settings: settings, inbound: inbound, outbound: outbound, log: log)
    let (shared, service) = (shared, self.service)
    loop.execute {
      loop.observe(shared)
      shared.serve(service)
    }
  }

  /// Writes a request's frame, under the id it is given.
  package typealias Encoder = @Sendable (RequestID, inout ByteWriter) -> Void

  /// Asks a server. From any thread; `timeout` covers connecting too.
  package func call(
    _ address: SocketAddress, _ code: RequestCode, fields: [ReplyField] = [], body: [UInt8] = [],
    type: HeaderType = .json, timeout: Duration = .seconds(3), completion: @escaping Completion
  ) {
    let call = ClosureCall(
      encode: Self.encoder(code, fields: fields, body: body, type: type),
      answered: { completion(.success(Command(copying: $0))) }, failed: { completion(.failure($0)) })
    self.call(address, timeout: timeout, call)
  }

  /// Asks a server. From any thread; `timeout` covers connecting too.
  package func call(_ address: SocketAddress, timeout: Duration, _ call: any OutgoingCall) {
    let isAccepted = loop.execute { [self] in
      if let connection = targets[address]?.connection, connection.isOpen {
        return begin(call, on: connection, timeout: timeout)
      }
      let deadline = loop.now + timeout
      withConnection(to: address, by: deadline) { [self] connection, error in
        guard let connection else {
          if !call.progress.isCancelled { call.failed(error ?? .closed) }
          return
        }
        begin(call, on: connection, timeout: deadline - loop.now)
      }
    }
    if !isAccepted { call.failed(.ended) }
  }

  /// Nobody waits for the answer to a call any more: it is not sent unless it has been, and an answer that comes is
  /// ignored. From any thread; a call that has ended is no error.
  package func cancel(_ call: any OutgoingCall) {
    loop.execute { [self] in
      call.progress.isCancelled = true
      guard let id = call.progress.id, let connection = call.progress.connection else { return }
      shared.calls.cancel(id, on: connection)
    }
  }

  /// Tells how many calls wait for an answer at present. From any thread.
  package func countCalls(_ told: @escaping @Sendable (Int) -> Void) {
    let isAccepted = loop.execute { [self] in told(shared.calls.count) }
    if !isAccepted { told(0) }
  }

  /// Tells a server something, with a frame that `encode` writes, that it does not answer; `done` tells whether there
  /// was a connection to send it over within `timeout`, or as long as connecting may take.
  package func notify(
    _ address: SocketAddress, timeout: Duration? = nil, encode: @escaping Encoder,
    done: @escaping @Sendable (CallError?) -> Void
  ) {
    let isAccepted = loop.execute { [self] in
      withConnection(to: address, by: loop.now + (timeout ?? connectTimeout)) { [self] connection, error in
        connection?.notify { id, output in
          let start = output.count
          encode(id, &output)
          if isStamping { stamp(frameAt: start, in: &output) }
        }
        done(connection == nil ? error ?? .closed : nil)
      }
    }
    if !isAccepted { done(.ended) }
  }

  /// Tells a server something that it does not answer; dropped when it cannot be reached.
  package func notify(
    _ address: SocketAddress, _ code: RequestCode, fields: [ReplyField] = [], body: [UInt8] = []
  ) {
    notify(address, encode: Self.encoder(code, isOneway: true, fields: fields, body: body), done: { _ in })
  }

  /// Says by which name a server is called, for TLS. From any thread, before the first call.
  package func name(_ address: SocketAddress, _ host: String) {
    loop.execute { [self] in names[address] = host }
  }

  /// Closes the connection to a server; the next call makes a new one. From any thread.
  package func disconnect(_ address: SocketAddress) {
    loop.execute { [self] in targets[address]?.connection?.close() }
  }

  /// Fails all calls under way and closes all connections. From any thread.
  package func close() {
    loop.execute { [self] in
      isClosed = true
      for target in targets.values {
        target.attempt?.end(nil)
        finish(target, nil, .ended)
        target.securing?.close()
        target.connection?.close()
      }
    }
  }

  // MARK: On the loop

  private static func encoder(
    _ code: RequestCode, isOneway: Bool = false, fields: [ReplyField], body: [UInt8], type: HeaderType = .json
  ) -> Encoder {
    { id, output in
      var writer = RequestWriter.begin(code, id: id, oneway: isOneway, type: type, into: &output)
      for field in fields { writer.field(named: field.name, field.value, into: &output) }
      writer.finish(body: body, into: &output)
    }
  }

  private func begin(_ call: any OutgoingCall, on connection: Connection, timeout: Duration) {
    guard !call.progress.isCancelled else { return }
    connection.call(call, timeout: timeout) { id, output in
      let start = output.count
      call.encode(id, into: &output)
      if isStamping { stamp(frameAt: start, in: &output) }
    }
  }

  /// Signs the request that was written last, where requests are signed, and adds the fields that all requests carry.
  private func stamp(frameAt start: Int, in output: inout ByteWriter) {
    guard signer != nil else { return _ = AddedFields.add(extraFields, toFrameAt: start, in: &output) }
    do throws(DecodeError) {
      try signer?.sign(frameAt: start, in: &output)
    } catch {
      // The server refuses it, and says that to whoever asked.
      shared.log.error("remoting", "a request cannot be signed", ["cause": error])
    }
  }

  private func withConnection(
    to address: SocketAddress, by deadline: MonotonicTime, _ begin: @escaping (Connection?, CallError?) -> Void
  ) {
    guard !isClosed else { return begin(nil, .ended) }
    let target = targets[address] ?? Target()
    targets[address] = target
    if let connection = target.connection, connection.isOpen { return begin(connection, nil) }
    lastWaiting += 1
    let id = lastWaiting
    let timer = loop.schedule(at: deadline) {
      guard let index = target.waiting.firstIndex(where: { $0.id == id }) else { return }
      target.waiting.remove(at: index).begin(nil, .timedOut)
    }
    target.waiting.append(Waiting(id: id, timer: timer, begin: begin))
    guard target.attempt == nil, target.securing == nil else { return }
    connect(target, address)
  }

  private func connect(_ target: Target, _ address: SocketAddress) {
    do throws(SystemError) {
      let attempt = try ConnectAttempt(to: address, on: loop) { [self] descriptor, reason in
        target.attempt = nil
        connected(target, address, descriptor, reason)
      }
      target.attempt = attempt
      loop.schedule(after: connectTimeout) { attempt.end("connecting took longer than \(self.connectTimeout)") }
    } catch {
      finish(target, nil, .unreachable("\(error)"))
    }
  }

  private func connected(_ target: Target, _ address: SocketAddress, _ descriptor: Int32, _ reason: String?) {
    guard descriptor >= 0 else {
      return finish(target, nil, reason.map { CallError.unreachable($0) } ?? .ended)
    }
    do throws(SystemError) {
      // From here on it closes the descriptor, also when it was not opened.
      let connection = Connection(descriptor, peer: HostAddress(address), service: service, on: shared)
      try Socket.limitUnacknowledged(descriptor, to: shared.settings.unacknowledgedLimit)
      guard let tls else {
        try connection.open()
        return use(connection, for: target)
      }
      try secure(connection, tls, target, address)
    } catch {
      finish(target, nil, .unreachable("\(error)"))
    }
  }

  private func use(_ connection: Connection, for target: Target) {
    target.connection = connection
    connection.onLeave = { if target.connection === connection { target.connection = nil } }
    finish(target, connection, nil)
  }

  /// Takes a connection through the TLS handshake before it is used.
  private func secure(
    _ connection: Connection, _ tls: ClientTLS, _ target: Target, _ address: SocketAddress
  ) throws(SystemError) {
    do throws(TLSError) {
      let name = TLSServerName(names[address] ?? address.host, isChecked: tls.checksServerName)
      connection.begin(try TLSSession(tls.context, descriptor: connection.descriptor, server: name))
    } catch {
      // Without having been opened it closes its descriptor when it is let go.
      return finish(target, nil, .unreachable("\(error)"))
    }
    try connection.open()
    target.securing = connection
    connection.onSecured = { [self, unowned connection] failure in
      target.securing = nil
      if let failure { return finish(target, nil, .unreachable(failure)) }
      use(connection, for: target)
    }
    connection.beginHandshake()
  }

  /// Lets those go on that wait for the connection.
  private func finish(_ target: Target, _ connection: Connection?, _ error: CallError?) {
    let waiting = target.waiting
    target.waiting = []
    for one in waiting {
      loop.cancel(one.timer)
      one.begin(connection, error)
    }
  }
}

/// Answers that it serves nothing.
private final class NoService: RemotingService {
  func handle(_ request: borrowing Request, on connection: Connection) -> Disposition {
    let code = request.header.code
    let reply = Reply(.requestCodeNotSupported, remark: "the request code \(code) is not supported by a client")
    connection.send(reply, to: request.header)
    return .done
  }
}
