import ApusBase
import ApusSystem

/// One peer of an HTTP server. Belongs to the server's loop; everything here happens on its thread.
///
/// One request is answered at a time: while one is under way, nothing more is read, so that a peer that sends many
/// holds no more memory than one that waits.
final class HTTPConnection: EventHandler, @unchecked Sendable {
  enum State: Hashable {
    /// A head is awaited or comes in.
    case reading
    /// The service works on an answer.
    case answering
    /// An answer leaves.
    case sending
    /// The answer has left and with it the sending direction; what still comes is thrown away.
    case lingering
    case closed
  }

  /// How much memory for answers a connection keeps while it waits for a request, in bytes.
  private static let keptOutputBytes = 16 << 10

  private(set) var state = State.reading
  /// Since when it waits for the first byte of a further request; nil when it does not.
  private(set) var idleSince: MonotonicTime?
  private let descriptor: Int32
  private unowned let server: HTTPServer
  private var id: HandlerID?
  private var parser = HTTPRequestParser()
  /// What was read and not parsed yet: requests that follow the one being answered.
  private var unread: [UInt8] = []
  private var output = ByteWriter()
  private var sent = 0
  private var keepsAlive = false
  private var lingers = false
  private var timer: EventLoop.Timer?

  private var loop: EventLoop { server.loop }

  init(_ descriptor: Int32, server: HTTPServer) {
    self.descriptor = descriptor
    self.server = server
  }

  /// Lets the loop watch it. Takes the descriptor over, even when it throws.
  func open() throws(SystemError) {
    do {
      try Socket.disableDelay(descriptor)
      id = try loop.add(descriptor, self)
    } catch {
      Socket.close(descriptor)
      state = .closed
      throw error
    }
    allow(server.limits.headDeadline)
  }

  func ready(_ events: ReadyEvents, on loop: EventLoop) {
    switch state {
    case .reading: read()
    case .answering:
      // A peer that only ended its direction still wants its answer.
      if events.contains(.hungUp) || events.contains(.failed) { close() }
    case .sending: send()
    case .lingering: discard()
    case .closed: break
    }
  }

  // MARK: Reading

  private func read() {
    while state == .reading {
      if unread.isEmpty, !receive() { return }
      parse()
    }
  }

  /// Reads once; false when nothing is there, or the connection has ended.
  private func receive() -> Bool {
    let buffer = unsafe UnsafeMutableRawBufferPointer(rebasing: loop.readBuffer.prefix(HTTPRequestParser.headLimit))
    let count = unsafe Socket.receive(descriptor, into: buffer)
    if count > 0 {
      unread = unsafe [UInt8](buffer.prefix(count))
      return true
    }
    if !Socket.wouldBlock(count) { close() }
    return false
  }

  private func parse() {
    if idleSince != nil {
      idleSince = nil
      allow(server.limits.headDeadline)
    }
    for (position, byte) in unread.enumerated() {
      switch parser.take(byte) {
      case .more: continue
      case .request(let request):
        unread.removeFirst(position + 1)
        return begin(request)
      case .refused(let status, let reason):
        unread = []
        lingers = true
        return send(HTTPResponse(status, reason), isHead: false, keepsAlive: false)
      }
    }
    unread = []
  }

  // MARK: Answering

  private func begin(_ request: HTTPRequest) {
    state = .answering
    stopTimer()
    let isHead = request.method == .head
    let keeps = request.keepsAlive
    let loop = loop
    server.service.answer(request) { [self] response in
      loop.execute { [self] in
        guard state == .answering else { return }
        send(response, isHead: isHead, keepsAlive: keeps)
      }
    }
  }

  private func send(_ response: HTTPResponse, isHead: Bool, keepsAlive: Bool) {
    self.keepsAlive = keepsAlive
    response.write(to: &output, isHead: isHead, keepsAlive: keepsAlive)
    state = .sending
    allow(server.limits.sendDeadline)
    send()
  }

  private func send() {
    while sent < output.count {
      let count = Socket.send(descriptor, output.bytes.extracting(sent..<output.count))
      guard count > 0 else {
        if !Socket.wouldBlock(count) { close() }
        return
      }
      sent += count
    }
    output.removeAll()
    output.shrink(toCapacity: Self.keptOutputBytes)
    sent = 0
    guard keepsAlive else { return lingers ? linger() : close() }
    state = .reading
    idleSince = loop.now
    allow(server.limits.idleLimit)
    // What came meanwhile was told once and is not told again.
    loop.callAgain(self)
  }

  // MARK: The end

  /// Closing over bytes that were not read would reset the connection, and the answer with it.
  private func linger() {
    state = .lingering
    Socket.endSending(descriptor)
    allow(server.limits.lingerLimit)
    discard()
  }

  private func discard() {
    let count = unsafe Socket.receive(descriptor, into: loop.readBuffer)
    if count > 0 {
      // Not in a loop: a peer that sends faster than this reads must not hold the thread.
      loop.callAgain(self)
    } else if !Socket.wouldBlock(count) {
      close()
    }
  }

  /// Closes the connection at once.
  func close() {
    guard state != .closed else { return }
    state = .closed
    stopTimer()
    if let id { loop.remove(id, descriptor) }
    Socket.close(descriptor)
    server.left(self)
  }

  /// Closes the connection unless it comes to something else within a time.
  private func allow(_ time: Duration) {
    stopTimer()
    timer = loop.schedule(after: time) { [weak self] in self?.close() }
  }

  private func stopTimer() {
    if let timer { loop.cancel(timer) }
    timer = nil
  }
}
