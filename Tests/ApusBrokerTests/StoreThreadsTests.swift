import ApusBase
import ApusModel
import ApusStore
import ApusStoreCore
import ApusSystem
import Foundation
import Testing

@testable import ApusBroker

/// The threads that do the store's slow work.
@Suite(.timeLimit(.minutes(10))) struct StoreThreadsTests {
  private static func send(to store: SharedStore) {
    let bytes: [UInt8] = Array("T".utf8)
    let none: [UInt8] = []
    let draft = RecordDraft(
      topic: bytes.rawSpan, body: bytes.rawSpan, properties: none.rawSpan, queueID: 0, flag: 0, sysFlag: [],
      bodyCRC: CRC32.body(bytes.rawSpan), bornTime: WallTime(milliseconds: 1), bornHost: .loopback(port: 1),
      storeHost: .loopback(port: 2), tagsCode: 0)
    store.withLock { store in
      do throws(DiskError) {
        let queue = try store.openQueue(topic: "T", id: 0)
        _ = store.append(draft, to: queue, now: WallTime(milliseconds: 1))
      } catch {
        Issue.record("the queue cannot be opened: \(error)")
      }
      _ = store.dispatch()
    }
    store.flushAll()
  }

  @Test func `a checkpoint is written while messages are flushed without a pause`() throws {
    let directory = ServedBroker.newDirectory()
    defer { do { try FileManager.default.removeItem(atPath: directory) } catch { print(error) } }
    let disk = GatedDisk()
    var settings = StoreSettings(root: directory)
    settings.logFileBytes = 1 << 20
    // Each entry has a file of its own, which is opened to write it.
    settings.queueFileBytes = ConsumeQueueEntry.bytes
    let store = SharedStore(try MessageStore.open(disk: disk, settings: settings), disk: disk, isSynchronous: true)
    let preparation = try #require(store.withLock { $0.planPreparation() })
    let outcome = preparation.run(on: disk)
    store.withLock { _ = $0.finish(preparation, outcome) }
    Self.send(to: store)

    let entries = Locked(0)
    let entriesBefore = Locked<Int?>(nil)
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
    try Patience.wait { entriesBefore.withLock { $0 } != nil }
    threads.stop()
    // A few for the entries that were there, and for the files that the checkpoint brings to the device.
    #expect(try #require(entriesBefore.withLock { $0 }) < 10)
  }
}
