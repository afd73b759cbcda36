import ApusSystem

/// Knows the event loops of brokers without holding them. Every part of a broker is held by its loops or holds them, so
/// that one of a broker that has ended and is still there means that something of that broker was not let go of.
struct LoopWatch {
  private struct Entry {
    weak var loop: EventLoop?
  }

  private var entries: [Entry] = []

  /// Watches loops that were just made.
  mutating func add(_ loops: [EventLoop]) { entries += loops.map { Entry(loop: $0) } }

  /// How many of them are still there.
  mutating func remaining() -> Int {
    entries.removeAll { $0.loop == nil }
    return entries.count
  }
}
