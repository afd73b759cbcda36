import ApusBase
import ApusStore
import ApusStoreCore
import ApusSystem
import Foundation
import Testing

@testable import ApusBroker

/// The threads that do the store's slow work.
@Suite(.timeLimit(.minutes(10))) struct StoreThreadsTests {
  private static func send(to store: SharedStore) {
    do throws(DiskError) {
      try store.withLock { (store) throws(DiskError) in try store.storeDirectly("x", to: "T") }
    } catch {
      Issue.record("the queue cannot be opened: \(error)")
    }
    store.flushAll()
  }

  @Test func `old log files that were read are let go of also while nothing is stored`() throws {
    let directory = ServedBroker.newDirectory()
    defer { do { try FileManager.default.removeItem(atPath: directory) } catch { print(error) } }
    let disk = GatedDisk()
    var settings = StoreSettings(root: directory)
    settings.logFileBytes = 4096
    let messages = try MessageStore.open(disk: disk, settings: settings)
    for _ in 0..<100 {
      messages.prepareDirectly(on: disk)
      try messages.storeDirectly("x", to: "T")
    }
    let store = SharedStore(messages, disk: disk, isSynchronous: false)
    store.flushAll()
    var quick = StoreThreads.Settings()
    quick.queueInterval = .milliseconds(1)
    quick.checkpointInterval = .milliseconds(1)
    quick.idleMappingRounds = 1
    let threads = StoreThreads(
      store: store, settings: quick, log: Logger(level: .error), onFlushed: {}, onSegment: {})
    try threads.start()
    defer { threads.stop() }
    try Patience.wait { store.withLock { !$0.hasOldMappings } }
    // Somebody reads the oldest message; nobody sends.
    #expect(store.record(at: .zero) != nil)
    threads.filesMayBeMapped()
    try Patience.wait { store.withLock { !$0.hasOldMappings } }
  }

  @Test func `a checkpoint is written while messages are flushed without a pause`() throws {
    let directory = ServedBroker.newDirectory()
    defer { do { try FileManager.default.removeItem(atPath: directory) } catch { print(error) } }
    let disk = GatedDisk()
    var settings = StoreSettings(root: directory)
    settings.logFileBytes = 1 << 20
    // Each entry has a file of its own, which is opened to write it.
    settings.queueFileBytes = ConsumeQueueEntry.bytes
    let messages = try MessageStore.open(disk: disk, settings: settings)
    messages.prepareDirectly(on: disk)
    let store = SharedStore(messages, disk: disk, isSynchronous: true)
    Self.send(to: store)

    let entries = Locked(0)
    let entriesBefore = Locked<Int?>(nil)
    // It holds the store, which holds the disk.
    defer { disk.onOpen { _ in } }
    disk.onOpen { path in
      if path.hasSuffix("/checkpoint") {
        let count = entries.withLock { $0 }
        entriesBefore.withLock { $0 = $0 ?? count }
      } else if path.contains("/consumequeue/") {
        entries.withLock { $0 += 1 }
        Self.send(to: store)
      }
    }
    let threads = StoreThreads(
      store: store, settings: StoreThreads.Settings(), log: Logger(level: .error), onFlushed: {}, onSegment: {})
    try threads.start()
    defer { threads.stop() }
    try Patience.wait { entriesBefore.withLock { $0 } != nil }
    let count = try #require(entriesBefore.withLock { $0 })
    // A few for the entries that were there, and for the files that the checkpoint brings to the device.
    #expect(count < 10)
  }
}
