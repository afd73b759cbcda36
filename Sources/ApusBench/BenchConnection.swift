import ApusBase
import ApusSystem

/// Who makes the requests of a connection and takes its answers.
protocol BenchConnectionOwner: AnyObject {
  /// The connection can be used.
  func opened(_ connection: BenchConnection)
  /// An answer has come. What is put into the connection's output now leaves with this turn.
  func received(_ response: borrowing Response, on connection: BenchConnection)
  /// The connection cannot be used, or no longer.
  func failed(_ connection: BenchConnection, _ error: BenchError)
}

/// A connection to the broker: whole answers in, requests out, one write for all that one read brought about.
final class BenchConnection: EventHandler {
  /// Its place among the connections of its owner.
  let index: Int
  /// What is still to be sent.
  var output = ByteWriter(capacity: 64 << 10)
  private let descriptor: Int32
  private var id: HandlerID?
  private weak var owner: (any BenchConnectionOwner)?
  private let tls: TLSSession?
  private var isOpen = false
  private var sent = 0
  /// The beginning of an answer whose end has not come.
  private var partial = ByteWriter(capacity: 4096)

  /// Begins to connect.
  init(
    index: Int, to address: SocketAddress, tls context: TLSContext?, on loop: EventLoop,
    owner: any BenchConnectionOwner
  ) throws(BenchError) {
    self.index = index
    self.owner = owner
    let descriptor: Int32
    do throws(SystemError) {
      descriptor = try Socket.connect(to: address)
    } catch {
      throw BenchError("\(error)")
    }
    self.descriptor = descriptor
    do throws(TLSError) {
      tls = try context.map { (context) throws(TLSError) in try TLSSession(context, descriptor: descriptor) }
    } catch {
      Socket.close(descriptor)
      throw BenchError("\(error)")
    }
    do throws(SystemError) {
      try Socket.disableDelay(descriptor)
      id = try loop.add(descriptor, self)
    } catch {
      Socket.close(descriptor)
      throw BenchError("\(error)")
    }
  }

  /// Ends the connection; nothing more is called.
  func close(on loop: EventLoop) {
    guard let id else { return }
    loop.remove(id, descriptor)
    Socket.close(descriptor)
    self.id = nil
  }

  func ready(_ events: ReadyEvents, on loop: EventLoop) {
    guard id != nil else { return }
    do throws(BenchError) {
      if !isOpen {
        guard !events.isDisjoint(with: [.writable, .failed, .hungUp]) else { return }
        let reason = Socket.connectionError(descriptor)
        guard reason == 0 else { throw BenchError("connecting failed: \(SystemError.text(reason))") }
        if let tls {
          tls.becameReadable(isPeerEnded: events.tellOfEnd)
          guard try isSecured(tls) else { return }
        }
        isOpen = true
        owner?.opened(self)
      }
      if events.allowReading { tls?.becameReadable(isPeerEnded: events.tellOfEnd) }
      try receive(on: loop)
      try send()
    } catch {
      close(on: loop)
      owner?.failed(self, error)
    }
  }

  /// Sends what has been put into the output, as far as the kernel takes it; the rest goes when there is room.
  func send() throws(BenchError) {
    if let tls { return try send(through: tls) }
    while isOpen, sent < output.count {
      let written = Socket.send(descriptor, output.bytes.extracting(sent..<output.count))
      if written > 0 {
        sent += written
      } else if Socket.wouldBlock(written) {
        return
      } else {
        throw BenchError("the broker closed the connection: \(SystemError.text(Int32(-written)))")
      }
    }
    sent = 0
    output.removeAll()
  }

  /// Goes on with the handshake; whether it is done.
  private func isSecured(_ tls: TLSSession) throws(BenchError) -> Bool {
    let step = tls.handshake()
    try flush(tls)
    if case .failed(let reason) = step { throw BenchError("the TLS handshake failed: \(reason)") }
    return step == .done
  }

  private func send(through tls: TLSSession) throws(BenchError) {
    if isOpen, output.count > 0 {
      guard tls.encrypt(output.bytes) else { throw BenchError(tls.failure ?? "the connection broke") }
      output.removeAll()
    }
    try flush(tls)
  }

  private func flush(_ tls: TLSSession) throws(BenchError) {
    while tls.pendingOutput > 0 {
      let count = tls.send()
      if Socket.wouldBlock(count) { return }
      guard count > 0 else {
        throw BenchError("the broker closed the connection: \(SystemError.text(Int32(-count)))")
      }
    }
  }

  private func receive(on loop: EventLoop) throws(BenchError) {
    while id != nil {
      let count = unsafe tls?.receive(into: loop.readBuffer) ?? Socket.receive(descriptor, into: loop.readBuffer)
      if Socket.wouldBlock(count) { return }
      guard count != 0 else { throw BenchError("the broker closed the connection") }
      guard count > 0 else { throw BenchError("the connection broke: \(SystemError.text(Int32(-count)))") }
      try unsafe take(UnsafeRawBufferPointer(rebasing: loop.readBuffer[..<count]))
      if tls == nil, unsafe count < loop.readBuffer.count { return }
    }
  }

  private func take(_ received: UnsafeRawBufferPointer) throws(BenchError) {
    let bytes = unsafe RawSpan(_unsafeBytes: received)
    if partial.count == 0 {
      let used = try deliver(bytes)
      if used < bytes.byteCount { partial.write(bytes.extracting(used..<bytes.byteCount)) }
    } else {
      partial.write(bytes)
      // Taken out of the connection while the owner may be writing to it.
      var waiting = ByteWriter(capacity: 16)
      swap(&waiting, &partial)
      let used = try deliver(waiting.bytes)
      waiting.removeFirst(used)
      swap(&waiting, &partial)
    }
  }

  /// Hands all whole frames to the owner; returns how many bytes they had.
  private func deliver(_ bytes: RawSpan) throws(BenchError) -> Int {
    var position = 0
    while let length = try Response.frameLength(bytes.extracting(position..<bytes.byteCount)),
      bytes.byteCount - position >= length
    {
      let response = try Response(frame: bytes.extracting(position..<(position + length)))
      if response.isAnswer { owner?.received(response, on: self) }
      position += length
    }
    return position
  }
}
