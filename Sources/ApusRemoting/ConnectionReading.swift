import ApusBase
import ApusProtocol
import ApusSystem

/// How bytes become requests.
///
/// Bytes are received into the loop's one read buffer and whole frames are handled in place there. Only what is left,
/// the beginning of a frame or frames that may not go on yet, is copied to the connection's own buffer, which grows as
/// bytes arrive and whose memory is counted in the process's budget.
extension Connection {
  /// With less missing than this a frame is completed by way of the loop's buffer, so that what follows it comes with
  /// it.
  private static let directBytes = 16 << 10
  /// From when on in a turn no further request of what was read is begun: a few bytes may ask for much.
  private static let stretch = Duration.milliseconds(4)

  /// Receives once and handles what has come; asks to be called again when there may be more.
  func read() {
    guard isReadable else { return }
    if case .lingering = state { return discard() }
    guard pause.isEmpty else { return }
    guard isSettled || settle() else { return }
    let count: Int
    if frameBytes - inbound.count > Connection.directBytes {
      guard let received = receiveDirectly() else { return }
      count = received
    } else {
      guard let received = receiveShared() else { return }
      count = received
    }
    guard !isClosed else { return }
    if count == 0 { return peerClosed() }
    if isReadable, pause.isEmpty { callAgain() }
  }

  /// The peer sends no more. As Java does, the connection closes then; what has been answered by now is still sent.
  private func peerClosed() { close() }

  /// Goes on after a pause, with what was kept first.
  func resume() {
    guard pause.isEmpty, !isClosed else { return }
    if partialSince != nil { partialSince = loop.now }
    if unfinishedSince != nil { unfinishedSince = loop.now }
    if !inbound.isEmpty {
      handleKept()
      guard !isClosed, pause.isEmpty else { return }
    }
    if isReadable { callAgain() }
  }

  /// Looks at the budget again.
  func retryBudget() {
    guard pause.contains(.budget) else { return }
    pause.remove(.budget)
    guard pause.isEmpty, !isClosed else { return }
    read()
  }

  func waitForBudget() {
    pause.insert(.budget)
    shared.waitsForBudget(self)
  }

  // MARK: Receiving

  /// The count; nil when nothing was received, for whatever reason.
  private func noteReceived(_ count: Int, room: Int) -> Int? {
    if count > 0 {
      lastActivity = loop.now
      // Less than there was room for means that no more waits, unless it is the end of the stream.
      if count < room, tls.map(\.isStarved) ?? !isPeerEnded { isReadable = false }
      return count
    }
    if count == 0 { return 0 }
    if !Socket.wouldBlock(count) {
      endBroken()
    } else if let tls, !tls.isStarved {
      // Much has come that holds no requests: the next turn goes on.
      callAgain()
    } else {
      isReadable = false
    }
    return nil
  }

  /// Nothing more can be received. A peer that broke the rules of TLS is told so, if it takes that at once.
  private func endBroken() {
    if let tls { _ = tls.send() }
    abort(tls?.failure)
  }

  /// As `Socket.receive`.
  private func receive(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    guard let tls else { return unsafe Socket.receive(descriptor, into: buffer) }
    return unsafe receive(into: buffer, through: tls)
  }

  private func receiveShared() -> Int? {
    let room: Int
    if frameBytes > 0 {
      // The rest of a frame, and what follows it if there is memory to keep it in.
      guard frameBytes <= inbound.capacity || makeRoom(frameBytes) else { return nil }
      room = unsafe shared.inbound.isScarce ? frameBytes - inbound.count : loop.readBuffer.count
    } else {
      room = unsafe shared.inbound.readAllowance(upTo: loop.readBuffer.count)
      guard room > 0 else {
        waitForBudget()
        return nil
      }
    }
    let buffer = unsafe UnsafeMutableRawBufferPointer(rebasing: loop.readBuffer[..<room])
    guard let count = unsafe noteReceived(receive(into: buffer), room: room) else { return nil }
    if count > 0 {
      let bytes = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      handle(received: bytes)
    }
    return count
  }

  private func receiveDirectly() -> Int? {
    if inbound.count == inbound.capacity {
      guard makeRoom(min(frameBytes, max(2 * inbound.count, 4 * Connection.directBytes))) else { return nil }
    }
    let room = unsafe UnsafeMutableRawBufferPointer(
      rebasing: inbound.room[..<min(inbound.capacity, frameBytes).advanced(by: -inbound.count)])
    guard let count = unsafe noteReceived(receive(into: room), room: room.count) else { return nil }
    inbound.added(count)
    if inbound.count == frameBytes { handleKept() }
    return count
  }

  /// Throws away what comes until the peer closes.
  private func discard() {
    let count = unsafe Socket.receive(descriptor, into: loop.readBuffer)
    if Socket.wouldBlock(count) {
      isReadable = false
    } else if count <= 0 {
      abort(nil)
    } else {
      callAgain()
    }
  }

  // MARK: Frames

  private func handle(received bytes: RawSpan) {
    var start = 0
    if !inbound.isEmpty {
      start = complete(with: bytes)
      guard !isClosed, start < bytes.byteCount else { return }
      if !inbound.isEmpty {
        // The frame at the front may not go on: the rest stands behind it.
        keep(bytes.extracting(start..<bytes.byteCount))
        return
      }
    }
    let rest = bytes.extracting(start..<bytes.byteCount)
    let handled = handleFrames(rest)
    guard !isClosed, handled < rest.byteCount, !pause.contains(.ending) else { return }
    if partialSince == nil { beginPartial() }
    keep(rest.extracting(handled..<rest.byteCount))
  }

  private func beginPartial() {
    partialSince = loop.now
    shared.needsSweep(at: loop.now + min(shared.settings.headerDeadline, shared.settings.bodyDeadline))
  }

  /// Adds to the frame at the front of `inbound` what it lacks and handles it when it is whole. Answers how many bytes
  /// it took.
  private func complete(with bytes: RawSpan) -> Int {
    var taken = 0
    while taken < bytes.byteCount {
      let wanted = frameBytes > 0 ? frameBytes : Frame.prefixBytes
      let part = min(wanted - inbound.count, bytes.byteCount - taken)
      keep(bytes.extracting(taken..<taken + part))
      taken += part
      if frameBytes == 0 || inbound.count == frameBytes {
        handleKept()
        if inbound.isEmpty || isClosed || !pause.isEmpty { return taken }
      }
    }
    return taken
  }

  /// Handles the frames in `inbound`; what is not handled stays there.
  func handleKept() {
    // Out of the way, as handlers may close the connection.
    var kept = FrameBuffer()
    swap(&kept, &inbound)
    frameBytes = 0
    let capacity = kept.capacity
    let handled = handleFrames(kept.bytes)
    guard !isClosed, !pause.contains(.ending) else {
      shared.inbound.release(capacity)
      return
    }
    if handled > 0 {
      partialSince = nil
      shared.inbound.frameEnded(id)
    }
    kept.removeFirst(handled)
    if kept.capacity < capacity { shared.inbound.release(capacity - kept.capacity) }
    swap(&kept, &inbound)
    if !inbound.isEmpty, partialSince == nil { beginPartial() }
  }

  /// Handles whole frames from the front of `bytes`, until one is not whole or may not go on, or they have taken long
  /// or much has been answered: one read holds thousands of requests. Answers how many bytes that was.
  private func handleFrames(_ bytes: RawSpan) -> Int {
    // Moved out, as its answer to one frame borrows it while the handler runs.
    guard var decoder = shared.decoder.take() else { preconditionFailure("frames are handled within a handler") }
    var handled = 0
    let limit = shared.settings.effectiveFrameLimit
    let end = loop.now + Connection.stretch
    while pause.isEmpty {
      let rest = bytes.extracting(handled..<bytes.byteCount)
      let length: Int
      do throws(DecodeError) {
        guard let known = try Frame.length(of: rest, limit: limit) else { break }
        length = known
      } catch {
        refuse(unreadable: rest, error)
        break
      }
      guard length <= rest.byteCount else {
        frameBytes = length
        break
      }
      guard handle(frame: rest.extracting(0..<length), &decoder) else { break }
      handled += length
      handledBytes += Int64(length)
      if pendingOutput > shared.settings.outputHighMark {
        flush()
        if pause.isEmpty { waitForTurn() }
      } else if handled < bytes.byteCount, pause.isEmpty, loop.time >= end {
        waitForTurn()
      }
    }
    shared.decoder = consume decoder
    return handled
  }

  /// Goes on when the other connections have had their turn.
  private func waitForTurn() {
    pause.insert(.turn)
    callAgain()
  }

  /// False when the frame is to be handled again.
  private func handle(frame: RawSpan, _ decoder: inout RequestDecoder) -> Bool {
    do throws(DecodeError) {
      let request = try decoder.decode(frame: frame)
      if request.header.isResponse {
        shared.calls.complete(on: self, request)
        return true
      }
      switch service.handle(request, on: self) {
      case .done: return true
      case .stalled:
        pause.insert(.stalled)
        frameBytes = frame.byteCount
        loop.stall(self)
        return false
      }
    } catch {
      refuse(decoder.failedHeader, error)
      return false
    }
  }

  /// Ends a connection whose bytes cannot be read as frames any more; says why when it is known whom to answer.
  private func refuse(_ header: CommandHeader?, _ error: DecodeError) {
    shared.log.warning(
      "remoting", "refusing a frame",
      ["peer": peer, "byte": handledBytes + Int64(error.offset), "field": error.field, "reason": error.reason])
    if let header, !header.isResponse { send(Reply(.systemError, remark: "\(error)"), to: header) }
    close(lingers: true)
  }

  /// The length of a frame is out of bounds: its header, if it has come, tells whom to answer.
  private func refuse(unreadable bytes: RawSpan, _ error: DecodeError) {
    var header: CommandHeader?
    if bytes.byteCount >= Frame.prefixBytes {
      let headerBytes = Frame.headerBytes(of: bytes)
      if headerBytes > 0, headerBytes <= bytes.byteCount - Frame.prefixBytes {
        // The header alone, as a frame of its own.
        var alone = ByteWriter(capacity: Frame.prefixBytes + headerBytes)
        alone.write(Int32(4 + headerBytes))
        alone.write(bytes.extracting(4..<Frame.prefixBytes + headerBytes))
        do throws(DecodeError) {
          header = try Command(frame: alone.bytes).header
        } catch {
          header = nil
        }
      }
    }
    refuse(header, error)
  }

  // MARK: Keeping bytes

  /// Keeps bytes that have been received already, whatever the budget says: at most one read buffer for each
  /// connection.
  private func keep(_ bytes: RawSpan) {
    let needed = inbound.count + bytes.byteCount
    if needed > inbound.capacity {
      var capacity = 512
      while capacity < needed { capacity *= 2 }
      if frameBytes >= needed { capacity = min(capacity, frameBytes) }
      shared.inbound.take(capacity - inbound.capacity)
      inbound.grow(to: capacity)
    }
    inbound.append(bytes)
  }

  /// Gives the buffer room for `capacity` bytes; false when the budget does not allow it and the connection has to
  /// wait.
  private func makeRoom(_ capacity: Int) -> Bool {
    guard shared.inbound.reserve(capacity - inbound.capacity, frameBytes: frameBytes, connection: id) else {
      waitForBudget()
      return false
    }
    inbound.grow(to: capacity)
    return true
  }

  func dropInbound() {
    shared.inbound.release(inbound.capacity)
    inbound.removeFirst(inbound.count)
    shared.inbound.frameEnded(id)
    frameBytes = 0
  }
}
