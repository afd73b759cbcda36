package import ApusBase
package import ApusModel
package import ApusProtocol
package import ApusSystem

/// One peer. Belongs to one event loop for life; everything here is called on that loop's thread.
///
/// Answers written to `output` in one turn of the loop leave together at its end. A peer that does not fetch its
/// answers is not read any more until it does.
package final class Connection: EventHandler, @unchecked Sendable {
  /// Why frames of a connection are not read at present.
  struct Pause: OptionSet {
    let rawValue: UInt8
    /// The service could not begin with a request.
    static let stalled = Pause(rawValue: 1)
    /// The peer does not fetch its answers.
    static let output = Pause(rawValue: 2)
    /// The process holds as many bytes of unfinished requests as it may.
    static let budget = Pause(rawValue: 4)
    /// The server is stopping, or the connection is.
    static let ending = Pause(rawValue: 8)
    /// Much was done in one go: other connections have their turn first.
    static let turn = Pause(rawValue: 16)
  }

  enum State {
    case open
    /// Output is sent, then the connection closes; with `lingers` it waits for the peer to see why.
    case closing(lingers: Bool)
    /// Output is sent and the sending direction ended; what still comes is thrown away.
    case lingering
    case closed
  }

  /// Names the connection in the process.
  package private(set) var id = ConnectionID(rawValue: 0)
  /// The loop that it belongs to.
  package let loop: EventLoop
  /// Who is at the other end.
  package let peer: HostAddress
  /// Who answers its requests.
  package let service: any RemotingService

  let shared: RemotingLoop
  let descriptor: Int32
  var state = State.open
  var pause: Pause = []
  /// Its place in the loop's list.
  var position = 0
  /// Called once when it has left the loop; for the one that opened or took it.
  var onLeave: (() -> Void)?

  // Security
  /// Decides over TLS by the first byte that comes; nil once that is decided, or where it never was the question.
  var entrance: ServerTLS?
  /// The TLS connection that bytes go through; nil for plain bytes.
  var tls: TLSSession?
  /// Whether requests can be read: no first byte and no handshake is to be waited for.
  var isSettled: Bool
  /// When the handshake began, or the first byte of a record that has not come whole.
  var unfinishedSince: MonotonicTime?
  /// Bytes counted in the budget for what OpenSSL holds of a handshake.
  var countedHandshake = 0
  /// Bytes counted in the budget for what OpenSSL holds of a record.
  var countedTLS = 0
  /// Called once when the handshake of a TLS connection has ended; with the reason when it failed.
  var onSecured: ((String?) -> Void)?

  // Reading
  var inbound = FrameBuffer()
  /// How many bytes the frame at the front of `inbound` has; 0 as long as that is not known.
  var frameBytes = 0
  /// When the first byte of the unfinished frame came.
  var partialSince: MonotonicTime?
  var isReadable = false
  /// Whether the loop has been asked to call again and has not done so yet.
  private var isToBeCalled = false
  var isPeerEnded = false
  /// How many bytes of whole frames have been handled, for messages.
  var handledBytes: Int64 = 0

  // Writing
  private var outputBuffer: OutputBuffer?
  private var isDirty = false
  var isWritable = true
  /// The unsent bytes as counted in the process's budget.
  private var countedOutput = 0
  var lastActivity: MonotonicTime
  /// Since when output has waited without any of it being sent.
  private var sendingSince: MonotonicTime?

  init(
    _ descriptor: Int32, peer: HostAddress, service: any RemotingService, on shared: RemotingLoop,
    entrance: ServerTLS? = nil
  ) {
    self.entrance = entrance
    isSettled = entrance == nil
    self.descriptor = descriptor
    self.peer = peer
    self.service = service
    self.shared = shared
    loop = shared.loop
    lastActivity = shared.loop.now
  }

  deinit {
    // It was never opened.
    if !isClosed { Socket.close(descriptor) }
  }

  /// Lets the loop watch it. Takes the descriptor over, even when it throws.
  func open() throws(SystemError) {
    do {
      try Socket.disableDelay(descriptor)
      let settings = shared.settings
      try Socket.resizeBuffers(descriptor, send: settings.socketSendBuffer, receive: settings.socketReceiveBuffer)
      id = try loop.add(descriptor, self)
    } catch {
      Socket.close(descriptor)
      state = .closed
      throw error
    }
    shared.opened(self)
  }

  /// Whether requests are still read and answers still taken.
  package var isOpen: Bool {
    if case .open = state { return true }
    return false
  }

  var isClosed: Bool {
    if case .closed = state { return true }
    return false
  }

  // MARK: Answers

  /// Where answers are written. What is written to a closed connection is thrown away.
  package var output: ByteWriter {
    _read { yield prepareOutput().bytes }
    _modify { yield &prepareOutput().bytes }
  }

  /// Flushes it at the end of the turn.
  func markDirty() {
    guard !isDirty else { return }
    isDirty = true
    shared.isDirty(self)
  }

  private func prepareOutput() -> OutputBuffer {
    markDirty()
    if let outputBuffer { return outputBuffer }
    let buffer = shared.outputs.take()
    outputBuffer = buffer
    return buffer
  }

  /// Answers a request, which writes nothing when it was marked oneway; the service hears of what is no success.
  package func send(_ reply: Reply, to request: CommandHeader) {
    if reply.code != .success { service.refused(request, with: reply, on: self) }
    guard !request.isOneway else { return }
    reply.encode(answering: request, into: &output)
  }

  /// Asks the peer and calls `completion` on the loop, once: with its answer, or with why there is none.
  package func call(
    _ code: RequestCode, fields: [ReplyField] = [], body: [UInt8] = [], timeout: Duration,
    completion: @escaping (Result<Command, CallError>) -> Void
  ) {
    call(CompletionCall(completion), timeout: timeout) { id, output in
      let header = CommandHeader(code: code.rawValue, id: id, type: .json)
      Self.write(header, fields: fields, body: body, into: &output)
    }
  }

  /// Asks the peer with a frame that `encode` writes under the id it is given. A call on a connection that is closed
  /// fails at once.
  func call(_ call: any OutgoingCall, timeout: Duration, encode: (RequestID, inout ByteWriter) -> Void) {
    guard isOpen else { return call.failed(.closed) }
    let id = shared.calls.add(call, on: self, timeout: timeout)
    call.progress.id = id
    call.progress.connection = self
    encode(id, &output)
  }

  /// Tells the peer something, with a frame that `encode` writes, that it does not answer.
  package func notify(encode: (RequestID, inout ByteWriter) -> Void) {
    guard isOpen else { return }
    encode(shared.calls.nextID(), &output)
  }

  /// Tells the peer something that it does not answer.
  package func notify(_ code: RequestCode, fields: [ReplyField] = [], body: [UInt8] = []) {
    guard isOpen else { return }
    let header = CommandHeader(
      code: code.rawValue, id: shared.calls.nextID(), flag: CommandHeader.onewayFlag, type: .json)
    Self.write(header, fields: fields, body: body, into: &output)
  }

  private static func write(
    _ header: CommandHeader, fields: [ReplyField], body: [UInt8], into output: inout ByteWriter
  ) {
    var writer = RequestWriter.begin(header, into: &output)
    for field in fields { writer.field(named: field.name, field.value, into: &output) }
    writer.finish(body: body, into: &output)
  }

  /// How many bytes of output have not been sent.
  package var pendingOutput: Int {
    let pending = outputBuffer?.pending ?? 0
    guard let tls else { return pending }
    return pending + tls.pendingOutput
  }

  /// Whether a long answer may be added: sends what can be sent when much waits, and says whether that left room. For
  /// answers to requests that were read some time ago; while requests are read, a peer that does not fetch is not read.
  package func hasRoomForOutput() -> Bool {
    if pendingOutput > outputMark { flush() }
    return isOpen && pendingOutput <= outputMark
  }

  /// Sends what can be sent now.
  func flush() {
    isDirty = false
    if isClosed { return dropOutput() }
    if let tls {
      guard send(outputBuffer, through: tls) else { return }
    } else if let outputBuffer {
      guard send(outputBuffer) else { return }
    }
    keepUnsent()
    let pending = pendingOutput
    countOutput(pending)
    // Output that waits for a handshake does not wait for the peer to fetch it.
    if pending > outputMark, !isWritable { pause.insert(.output) }
    if pending == 0, case .closing = state { finishClosing() }
  }

  /// From how much unsent output on nothing is read.
  var outputMark: Int { shared.outbound.isSpent ? 0 : shared.settings.outputHighMark }

  /// False when the connection is closed.
  private func send(_ buffer: OutputBuffer) -> Bool {
    while isWritable, buffer.pending > 0 {
      let count = Socket.send(descriptor, buffer.bytes.bytes.extracting(buffer.sent..<buffer.bytes.count))
      if count > 0 {
        buffer.sent += count
        noteSent()
      } else if Socket.wouldBlock(count) {
        isWritable = false
      } else {
        abort(nil)
        return false
      }
    }
    return true
  }

  /// The peer has fetched something.
  func noteSent() {
    lastActivity = loop.now
    sendingSince = nil
  }

  private func keepUnsent() {
    if !isWritable, pendingOutput > 0 {
      if sendingSince == nil {
        sendingSince = loop.now
        shared.needsSweep(at: loop.now + shared.settings.sendDeadline)
      }
    } else {
      sendingSince = nil
    }
    guard let buffer = outputBuffer else { return }
    if buffer.pending == 0 {
      outputBuffer = nil
      shared.outputs.give(buffer)
    } else if buffer.sent > buffer.pending {
      // What has been sent is dropped when it is the larger part, so that each byte moves once at most.
      buffer.bytes.removeFirst(buffer.sent)
      buffer.sent = 0
    }
  }

  private func countOutput(_ pending: Int) {
    shared.outbound.change(by: pending - countedOutput)
    countedOutput = pending
  }

  private func dropOutput() {
    countOutput(0)
    if let outputBuffer { shared.outputs.give(outputBuffer) }
    outputBuffer = nil
  }

  // MARK: Events

  package func ready(_ events: ReadyEvents, on loop: EventLoop) {
    guard !isClosed else { return }
    if events.isEmpty { return calledAgain() }
    if events.tellOfEnd { isPeerEnded = true }
    if events.allowReading {
      isReadable = true
      tls?.becameReadable(isPeerEnded: isPeerEnded)
    }
    if events.contains(.writable), !isWritable {
      isWritable = true
      flush()
      guard !isClosed else { return }
      if pause.contains(.output), pendingOutput <= min(shared.settings.outputLowMark, outputMark) {
        pause.remove(.output)
        resume()
        return
      }
    }
    read()
  }

  /// Asks the loop for one more call, however often this is asked for: one for each event would give a peer that sends
  /// without a pause ever more turns, before all others.
  func callAgain() {
    guard !isToBeCalled else { return }
    isToBeCalled = true
    loop.callAgain(self)
  }

  /// The loop calls without an event: as it was asked to, or because what was stalled may go on. Which of the two comes
  /// first is all the same, as both come.
  private func calledAgain() {
    let reason: Pause = isToBeCalled ? .turn : .stalled
    isToBeCalled = false
    guard pause.contains(reason) else { return read() }
    pause.remove(reason)
    resume()
  }

  // MARK: The end

  package func loopEnded(_ loop: EventLoop) { abort(nil) }

  /// Closes the connection once its output is sent. Nothing more is read.
  package func close() { close(lingers: false) }

  /// With `lingers`, the peer gets time to read the output before the connection is reset over what it has sent itself.
  func close(lingers: Bool) {
    guard isOpen else { return }
    state = .closing(lingers: lingers)
    stopReading()
    // What waits for a handshake that will not be done never leaves.
    if !isSettled { dropOutput() }
    if pendingOutput == 0 { finishClosing() }
  }

  private func finishClosing() {
    guard case .closing(let lingers) = state else { return }
    if beginGoodbye() { return flush() }
    guard lingers, !isPeerEnded else { return abort(nil) }
    Socket.endSending(descriptor)
    state = .lingering
    shared.needsSweep(at: loop.now + shared.settings.lingerLimit)
    lastActivity = loop.now
    read()
  }

  /// Reads no further requests.
  func stopReading() {
    pause.insert(.ending)
    partialSince = nil
    if isSettled { unfinishedSince = nil }
    dropInbound()
  }

  /// Closes the connection at once, whatever is under way. A reason is logged.
  func abort(_ reason: String?) {
    guard !isClosed else { return }
    if let reason {
      shared.log.warning("remoting", "closing connection", ["peer": peer, "reason": reason, "byte": handledBytes])
    } else {
      shared.log.debug("remoting", "connection closed", ["peer": peer, "byte": handledBytes])
    }
    state = .closed
    pause.insert(.ending)
    loop.remove(id, descriptor)
    Socket.close(descriptor)
    dropInbound()
    releaseTLS()
    dropOutput()
    shared.left(self)
    onLeave?()
    onLeave = nil
    tellSecured(reason ?? "\(peer) closed the connection during the TLS handshake")
  }

  /// Closes the connection when one of its deadlines is over; else answers which is next.
  func checkDeadlines(_ now: MonotonicTime) -> MonotonicTime? {
    let settings = shared.settings
    if case .lingering = state { return expire(lastActivity + settings.lingerLimit, now, nil) }
    var next = lastActivity + settings.idleLimit
    if next <= now {
      abort(nil)
      return nil
    }
    if let sendingSince {
      let deadline = sendingSince + settings.sendDeadline
      guard expire(deadline, now, "the peer does not fetch its answers") != nil else { return nil }
      next = min(next, deadline)
    }
    // Time during which this side did not read is not the peer's.
    if let partialSince, pause.isDisjoint(with: [.stalled, .output, .turn]) {
      let limit = inbound.hasWholeHeader ? settings.bodyDeadline : settings.headerDeadline
      let reason = inbound.hasWholeHeader ? "a frame took too long" : "a header took too long"
      guard expire(partialSince + limit, now, reason) != nil else { return nil }
      next = min(next, partialSince + limit)
    }
    if let unfinishedSince, pause.isDisjoint(with: [.stalled, .output, .turn]) {
      let deadline = unfinishedSince + (isSettled ? settings.headerDeadline : settings.handshakeDeadline)
      let reason = isSettled ? "a TLS record took too long" : "the TLS handshake took too long"
      guard expire(deadline, now, reason) != nil else { return nil }
      next = min(next, deadline)
    }
    return next
  }

  private func expire(_ deadline: MonotonicTime, _ now: MonotonicTime, _ reason: String?) -> MonotonicTime? {
    if deadline > now { return deadline }
    abort(reason)
    return nil
  }
}
