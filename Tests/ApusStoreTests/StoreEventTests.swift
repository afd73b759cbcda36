import ApusBase
import ApusStore
import Testing

/// Which events are a part of ordinary work, and of which an operator is warned.
@Suite struct StoreEventTests {
  private static let path = "/store/commitlog/00000000000000000000"
  private static let range = PhysicalOffset(1)..<PhysicalOffset(2)

  @Test func `a recovery that loses nothing is ordinary work`() {
    let events: [StoreEvent] = [
      .recoveryWentBack(to: PhysicalOffset(1)), .recovered(end: PhysicalOffset(2), records: 1),
      .blankRestored(path: Self.path, at: PhysicalOffset(1)), .acceptsAgain,
    ]
    for event in events { #expect(event.isOrdinary, "\(event)") }
  }

  @Test func `what was lost, cut, changed or passed over is no ordinary work`() {
    let events: [StoreEvent] = [
      .markIgnored(reason: "x"), .fileLengthRepaired(path: Self.path, was: 1),
      .fileMissing(from: PhysicalOffset(1), to: PhysicalOffset(2)), .damageIsolated(path: Self.path, Self.range),
      .logCut(path: Self.path, at: PhysicalOffset(1), reason: "x"),
      .queueCut(path: Self.path, from: QueueOffset(1), to: QueueOffset(2)),
      .queueBlanked(path: Self.path, QueueOffset(1)..<QueueOffset(2)),
      .queueRewound(path: Self.path, to: QueueOffset(1)), .queueFileUnreadable(path: Self.path, reason: "x"),
      .recordDamaged(path: Self.path, Self.range), .diskFull(path: Self.path),
      .exhausted(DiskError(.exhausted, operation: "open", path: Self.path)),
    ]
    for event in events { #expect(!event.isOrdinary, "\(event)") }
  }
}
