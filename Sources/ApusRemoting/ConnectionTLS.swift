import ApusBase
import ApusSystem

/// How a connection becomes secure, and what is different then.
///
/// A peer that begins with TLS is told by its first byte, once for a connection; all later differences are in three
/// places: where bytes are received, where they are sent, and at the end. What a handshake and a record that has not
/// come whole hold within OpenSSL is counted in the budget of unfinished requests, and either has a deadline.
extension Connection {
  /// The first byte of a TLS connection; as that of a frame it would announce 369 MB.
  private static let helloByte = 0x16
  /// How much is encrypted before it is sent.
  private static let encryptBytes = 64 << 10

  // MARK: The beginning

  /// Looks at the first byte, or goes on with the handshake. True when requests can be read.
  func settle() -> Bool {
    if let entrance {
      guard let isTLS = peekFirstByte() else { return false }
      switch (entrance.mode, isTLS) {
      case (.disabled, true): return refuse("TLS is disabled and the peer begins with it")
      case (.enforcing, false): return refuse("TLS is enforced and the peer does not begin with it")
      case (_, true):
        guard beginSession(entrance) else { return false }
      case (_, false): break
      }
      self.entrance = nil
    }
    guard let tls else {
      isSettled = true
      return true
    }
    return goOn(with: tls)
  }

  /// Nil when nothing has come, or nothing will.
  private func peekFirstByte() -> Bool? {
    let byte = Socket.peek(descriptor)
    if byte >= 0 { return byte == Connection.helloByte }
    if Socket.wouldBlock(byte) {
      isReadable = false
    } else {
      abort(nil)
    }
    return nil
  }

  private func refuse(_ reason: String) -> Bool {
    shared.log.warning("remoting", "refusing a connection", ["peer": peer, "reason": reason])
    abort(nil)
    return false
  }

  private func beginSession(_ entrance: ServerTLS) -> Bool {
    guard shared.inbound.reserveHandshake(TLSSession.handshakeBytes, connection: id) else {
      waitForBudget()
      return false
    }
    countedHandshake = TLSSession.handshakeBytes
    do throws(TLSError) {
      begin(try TLSSession(try entrance.context(), descriptor: descriptor, isPeerEnded: isPeerEnded))
      return true
    } catch {
      shared.log.error("tls", "a connection cannot be taken", ["peer": peer, "reason": error])
      abort(nil)
      return false
    }
  }

  /// Begins with a session before anything was sent or received.
  func begin(_ session: TLSSession) {
    tls = session
    isSettled = false
    unfinishedSince = loop.now
    shared.needsSweep(at: loop.now + shared.settings.handshakeDeadline)
  }

  /// Says hello, on the side that made the connection.
  func beginHandshake() {
    if let tls, isOpen { _ = goOn(with: tls) }
  }

  /// Takes the handshake one step further.
  func goOn(with tls: TLSSession) -> Bool {
    let step = tls.handshake()
    if tls.pendingOutput > 0 { markDirty() }
    switch step {
    case .waiting:
      isReadable = false
      return false
    case .done:
      isSettled = true
      unfinishedSince = nil
      releaseTLS()
      lastActivity = loop.now
      // What was asked for meanwhile.
      if pendingOutput > 0 { markDirty() }
      tellSecured(nil)
      return isOpen && pause.isEmpty
    case .failed(let reason):
      shared.log.warning("tls", "a handshake failed", ["peer": peer, "reason": reason])
      tellSecured("the TLS handshake failed: \(reason)")
      close(lingers: true)
      return false
    }
  }

  /// Tells whoever waits for it how the handshake ended.
  func tellSecured(_ failure: String?) {
    let told = onSecured
    onSecured = nil
    told?(failure)
  }

  /// Gives back what the session's handshake or record had counted.
  func releaseTLS() {
    guard countedTLS > 0 || countedHandshake > 0 else { return }
    shared.inbound.release(countedTLS)
    shared.inbound.releaseHandshake(countedHandshake)
    shared.inbound.frameEnded(id)
    (countedTLS, countedHandshake) = (0, 0)
  }

  // MARK: Receiving

  /// Receives and decrypts, as `Socket.receive` receives.
  func receive(into buffer: UnsafeMutableRawBufferPointer, through tls: TLSSession) -> Int {
    let count = unsafe tls.receive(into: buffer)
    // Answers of the protocol itself, as to a change of keys.
    if tls.pendingOutput > 0 { markDirty() }
    if tls.isStarved, tls.isInsideRecord {
      // One that follows another begins now.
      if count > 0 || unfinishedSince == nil { beginRecord() }
    } else {
      unfinishedSince = nil
      releaseTLS()
    }
    return count
  }

  private func beginRecord() {
    unfinishedSince = loop.now
    shared.needsSweep(at: loop.now + shared.settings.headerDeadline)
    guard countedTLS == 0 else { return }
    countedTLS = TLSSession.recordBytes
    shared.inbound.take(countedTLS)
  }

  // MARK: Sending

  /// Encrypts and sends as much as the peer takes. False when the connection is closed.
  func send(_ buffer: OutputBuffer?, through tls: TLSSession) -> Bool {
    while isWritable {
      if tls.pendingOutput == 0 {
        guard let buffer, buffer.pending > 0, tls.isEstablished else { break }
        guard encrypt(buffer, through: tls) else {
          abort(tls.failure)
          return false
        }
      }
      let count = tls.send()
      if count > 0 {
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

  private func encrypt(_ buffer: OutputBuffer, through tls: TLSSession) -> Bool {
    let end = min(buffer.sent + Connection.encryptBytes, buffer.bytes.count)
    let isDone = tls.encrypt(buffer.bytes.bytes.extracting(buffer.sent..<end))
    buffer.sent = end
    return isDone
  }

  // MARK: The end

  /// Says goodbye to a peer that TLS is spoken with. True when that has to be sent first.
  func beginGoodbye() -> Bool {
    guard let tls, tls.sayGoodbye() else { return false }
    return tls.pendingOutput > 0
  }
}
