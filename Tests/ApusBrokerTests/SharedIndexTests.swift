import ApusBase
import ApusSimulator
import ApusStore
import ApusStoreCore
import ApusSystem
import Testing

@testable import ApusBroker

/// The index that queries share with the thread that fills it; here without that thread.
@Suite struct SharedIndexTests {
  private let store: SharedStore
  private let index: MessageIndex

  /// A store with three messages that have the key `k`, and an index that has seen none of them.
  init() throws {
    let disk = SimulatedDisk(seed: 1)
    var settings = StoreSettings(root: "/store")
    settings.logFileBytes = 1 << 16
    let messages = try MessageStore.open(disk: disk, settings: settings)
    messages.prepareDirectly(on: disk)
    for number in 0..<3 { try messages.storeDirectly("\(number)", to: "T", [("KEYS", "k")]) }
    index = try MessageIndex.open(
      disk: disk,
      settings: MessageIndex.Settings(
        directory: "/store/index", layout: try #require(IndexLayout(slotCount: 7, entryCount: 100)), entriesAhead: 10),
      after: MessageIndex.Left(
        cleanly: true, checkpoint: WallTime(milliseconds: 0), logEnd: messages.marks.appended)
    ).index
    store = SharedStore(messages, disk: disk, isSynchronous: false)
  }

  private func count(_ shared: SharedIndex) -> Int {
    let (from, to) = (WallTime(milliseconds: 0), WallTime(milliseconds: 1000))
    return shared.query(topic: "T", key: "k", limit: 10, from: from, to: to).offsets.count
  }

  @Test func `a query finds everything that was sent before it`() {
    #expect(count(SharedIndex(index, store: store, log: Logger(level: .error))) == 3)
  }

  @Test func `neither a query nor a stop waits for an index that is far behind`() {
    let shared = SharedIndex(index, store: store, waitBytes: 100, log: Logger(level: .error))
    #expect(store.withLock { $0.marks.dispatchable } - PhysicalOffset.zero > 100)
    #expect(count(shared) == 0)
    #expect(shared.close())
    #expect(index.resumeOffset == .zero)
  }

  @Test func `a stop puts in what came last`() {
    #expect(SharedIndex(index, store: store, log: Logger(level: .error)).close())
    #expect(index.resumeOffset > .zero)
  }
}
