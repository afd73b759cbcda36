package import ApusBase

/// What has become possible on a descriptor.
package struct ReadyEvents: OptionSet, Sendable {
  /// The bits of epoll.
  package let rawValue: UInt32

  /// Wraps the bits of epoll.
  package init(rawValue: UInt32) { self.rawValue = rawValue }

  /// There is something to read, or the end of the stream (EPOLLIN).
  package static let readable = ReadyEvents(rawValue: 0x001)
  /// There is room to write (EPOLLOUT).
  package static let writable = ReadyEvents(rawValue: 0x004)
  /// The descriptor has failed (EPOLLERR).
  package static let failed = ReadyEvents(rawValue: 0x008)
  /// Both directions have ended (EPOLLHUP).
  package static let hungUp = ReadyEvents(rawValue: 0x010)
  /// The peer has ended its direction (EPOLLRDHUP).
  package static let peerEnded = ReadyEvents(rawValue: 0x2000)

  /// Whether reading brings bytes, the end of the stream or an error.
  package var allowReading: Bool { contains(.readable) || tellOfEnd }
  /// Whether the peer sends nothing more.
  package var tellOfEnd: Bool { contains(.failed) || contains(.hungUp) || contains(.peerEnded) }
}

/// What an event loop calls when a descriptor is ready. All calls come on the loop's thread.
package protocol EventHandler: AnyObject {
  /// Called when something has become possible; with no events when the handler has asked to be called again.
  func ready(_ events: ReadyEvents, on loop: EventLoop)
}

/// What an event loop calls around its turns. All calls come on the loop's thread.
package protocol TurnObserver: AnyObject {
  /// All events, work and timers of a turn have been handled; nothing has been written yet.
  func turnEnded(on loop: EventLoop)
  /// Every observer has seen the end of the turn: what is to be written is written now.
  func flush(on loop: EventLoop)
  /// The time asked for by ``EventLoop/requestTick(at:)`` has come.
  func tick(on loop: EventLoop, now: MonotonicTime)
}

/// A descriptor on a loop: which place it has, and how many had that place before it, so that a late event finds
/// nobody.
///
/// | Bits | Meaning |
/// |---|---|
/// | 0…23 | place |
/// | 24…55 | generation of the place, never 0 |
/// | 56…63 | index of the loop |
package struct HandlerID: RawRepresentable, Hashable, Sendable {
  /// The packed number, unique in the process as long as loops have different indices.
  package let rawValue: UInt64

  /// Wraps a packed number.
  package init(rawValue: UInt64) { self.rawValue = rawValue }

  init(slot: Int, generation: UInt32, loop: UInt8) {
    rawValue = UInt64(slot) | UInt64(generation) << 24 | UInt64(loop) << 56
  }

  static let slotLimit = 1 << 24
  var slot: Int { Int(rawValue & 0xFF_FFFF) }
  var generation: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 24) }

  /// The index of the loop.
  package var loop: Int { Int(rawValue >> 56) }
}
