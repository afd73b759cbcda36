import ApusSystem

/// The tracers of one client.
final class Tracers: Sendable {
  private let all = Locked<[Tracer]>([])
  private let new: AsyncStream<Tracer>
  private let adding: AsyncStream<Tracer>.Continuation

  init() { (new, adding) = AsyncStream.makeStream() }

  /// How many there are.
  var count: Int { all.withLock { $0.count } }

  /// Runs a tracer with the others.
  func add(_ tracer: Tracer) {
    all.withLock { $0.append(tracer) }
    adding.yield(tracer)
  }

  /// Sends traces until the task is cancelled.
  func run() async {
    await withDiscardingTaskGroup { group in
      for await tracer in new { group.addTask { await tracer.run() } }
    }
  }

  /// Sends what is left at the end of the client, as long as brokers take it.
  func flush() async {
    await withDiscardingTaskGroup { group in
      for tracer in all.withLock({ $0 }) { group.addTask { await tracer.flush(isLast: true) } }
    }
  }
}
