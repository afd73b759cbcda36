import ApusBase
import ApusModel
import ApusSimulator
import ApusStore
import ApusStoreCore
import ApusSystem
import Testing

@testable import ApusBroker

/// The index as threads share it, without the thread that fills it.
@Suite struct SharedIndexTests {
  private static let now = WallTime(milliseconds: 1_700_000_000_000)

  let disk = SimulatedDisk(seed: 5)
  let store: SharedStore

  /// A store of ten messages with a key each.
  init() throws {
    var settings = StoreSettings(root: "/store")
    settings.logFileBytes = 65_536
    settings.queueFileBytes = 2000
    let opened = try MessageStore.open(disk: disk, settings: settings)
    while let plan = opened.planPreparation() {
      guard opened.finish(plan, plan.run(on: disk)) else { break }
    }
    let queue = try opened.openQueue(topic: "T", id: 0)
    let (name, body) = (Array("T".utf8), Array("x".utf8))
    for number in 0..<10 {
      let properties = MessageProperties.encode([("UNIQ_KEY", "k\(number)")])
      let draft = RecordDraft(
        topic: name.rawSpan, body: body.rawSpan, properties: properties.rawSpan, queueID: 0, flag: 0, sysFlag: [],
        bodyCRC: CRC32.body(body.rawSpan), bornTime: Self.now, bornHost: .loopback(port: 1),
        storeHost: .loopback(port: 2), tagsCode: 0)
      guard case .appended = opened.append(draft, to: queue, now: Self.now) else {
        Issue.record("a record was not stored")
        break
      }
    }
    _ = opened.dispatch()
    store = SharedStore(opened, disk: disk, isSynchronous: false)
  }

  /// An index that waits for no more than this.
  private func index(waitingBytes: Int) throws -> SharedIndex {
    let layout = try #require(IndexLayout(slotCount: 7, entryCount: 100))
    let end = store.withLock { $0.marks.appended }
    let opened = try MessageIndex.open(
      disk: disk, settings: MessageIndex.Settings(directory: "/store/index", layout: layout),
      after: MessageIndex.Left(cleanly: true, checkpoint: WallTime(milliseconds: 0), logEnd: end))
    return SharedIndex(opened.index, store: store, log: Logger(level: .error), waitingBytes: waitingBytes)
  }

  private func count(_ key: String, in index: SharedIndex) -> Int {
    index.query(topic: "T", key: key, limit: 32, from: Self.now, to: Self.now).offsets.count
  }

  @Test func `a query finds what was sent before it`() throws {
    let index = try index(waitingBytes: 1 << 20)
    #expect(count("k9", in: index) == 1)
    #expect(index.close())
  }

  @Test func `a query does not wait for an index that is far behind`() throws {
    let index = try index(waitingBytes: 100)
    #expect(count("k0", in: index) == 0)
    #expect(try disk.list("/store/index").isEmpty)
    #expect(index.close())
  }

  @Test func `a stop leaves an index that is far behind to the next start`() throws {
    let first = try index(waitingBytes: 100)
    first.stop()
    #expect(first.close())
    #expect(try disk.list("/store/index").isEmpty)
    let next = try index(waitingBytes: 1 << 20)
    #expect(count("k0", in: next) == 1)
    #expect(count("k9", in: next) == 1)
    #expect(next.close())
  }

  @Test func `a stop puts in what little is left`() throws {
    let first = try index(waitingBytes: 1 << 20)
    first.stop()
    #expect(first.close())
    let next = try index(waitingBytes: 0)
    #expect(count("k9", in: next) == 1)
    #expect(next.close())
  }
}
