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
  /// The loop has ended while it watched the handler's descriptor, and calls no more: whoever waits for the handler is
  /// told, and what it holds is given back.
  func loopEnded(_ loop: EventLoop)
}

extension EventHandler {
  /// Does nothing: for handlers that nobody waits for, and whose end gives back what they hold.
  package func loopEnded(_ loop: EventLoop) {}
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
