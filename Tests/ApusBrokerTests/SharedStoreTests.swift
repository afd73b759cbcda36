import ApusBase
import ApusSimulator
import ApusStore
import ApusStoreCore
import Foundation
import Testing

@testable import ApusBroker

/// The store as threads share it.
@Suite struct SharedStoreTests {
  /// A store of several log files with 100 messages in queue 0 of `T`, opened again, so that only the newest file is
  /// mapped.
  private func reopened() throws -> SharedStore {
    let disk = SimulatedDisk(seed: 1)
    var settings = StoreSettings(root: "/store")
    settings.logFileBytes = 4096
    let written = try MessageStore.open(disk: disk, settings: settings)
    for number in 0..<100 {
      written.prepareDirectly(on: disk)
      try written.storeDirectly("\(number)", to: "T")
    }
    try written.close()
    return SharedStore(try MessageStore.open(disk: disk, settings: settings), disk: disk, isSynchronous: false)
  }

  @Test func `the first record is brought near though its time has not come by a clock that was set back`() throws {
    let store = try reopened()
    let queue = try #require(try store.queue(topic: "T", id: 0))
    #expect(store.bringNear(queue, from: .zero, tagsCodeUpTo: -1, count: 4))
    guard case .found = store.withLock({ $0.record(at: .zero) }) else {
      Issue.record("the first record is not near")
      return
    }
  }

  @Test func `log and queues are told with the space of their devices`() throws {
    let directory = ServedBroker.newDirectory()
    defer { do { try FileManager.default.removeItem(atPath: directory) } catch { print(error) } }
    let disk = GatedDisk()
    var settings = StoreSettings(root: directory)
    settings.logFileBytes = 4096
    let store = SharedStore(
      try MessageStore.open(disk: disk, settings: settings), disk: disk, isSynchronous: false)
    let (log, queues) = (DiskSpace(total: 100, available: 10), DiskSpace(total: 1000, available: 500))
    disk.pretend(log, of: settings.logDirectory)
    disk.pretend(queues, of: settings.queueDirectory)
    let removals = TopicRemovals(store: store, onDecision: {})
    let summary = StoreQueries(store: store, index: nil, root: directory, removals: removals).summary()
    #expect(summary.logSpace == log)
    #expect(summary.queueSpace == queues)
    #expect(summary.fullerSpace == log)
  }
}
