import ApusBase
import ApusModel
import ApusStoreCore
import ApusSystem
import Foundation
import Testing

@testable import ApusBroker

/// What waits in a store that a broker has closed.
@Suite(.serialized, .timeLimit(.minutes(10))) struct PendingMessagesTests {
  private static func settings(_ root: String, levels: String) throws -> StoreSettings {
    var settings = StoreSettings(root: root)
    settings.logFileBytes = 1_048_576
    settings.delayLevels = try #require(DelayLevels(levels))
    return settings
  }

  @Test func `what waits is listed in order, with what Java would do with it`() throws {
    let store = ServedBroker.newDirectory()
    defer { do { try FileManager.default.removeItem(atPath: store) } catch { print(error) } }
    var waiting: [String: Int64] = [:]
    do {
      let served = try ServedBroker([("messageDelayLevel", "0s 1h 2h")], kept: store)
      let client = try served.client()
      func wait(_ name: String, _ properties: [(String, String)], queue: Int32 = 0) throws {
        let answer = try client.send(name, to: "FxPending", queue: queue, properties + [("UNIQ_KEY", name)])
        waiting[name] = try answer.recordOffset
      }
      try wait("later", [("TIMER_DELAY_SEC", "7200")], queue: 2)
      try wait("sooner", [("TIMER_DELAY_SEC", "3600")], queue: 1)
      try wait("cancelled", [("TIMER_DELAY_SEC", "1800")])
      _ = try client.send("no", to: "FxPending", [("TIMER_DEL_UNIQKEY", "cancelled")])
      try wait("level 2", [("DELAY", "2")])
      try wait("level 3", [("DELAY", "3")], queue: 3)
      try wait("came", [("DELAY", "1")])
      #expect(try client.pull("FxPending").map(\.body) == ["came"])
    }
    var items: [PendingMessages.Item] = []
    let counts = try PendingMessages.list(
      try Self.settings(store, levels: "1s 1h"), on: PosixDisk(), now: SystemClock.wall()
    ) { items.append($0) }
    #expect(items.map(\.key) == ["sooner", "later", "level 2", "level 3"])
    #expect(items.map(\.topic) == Array(repeating: "FxPending", count: 4))
    #expect(items.map(\.queueID) == [1, 2, 0, 3])
    #expect(items.map(\.level) == [nil, nil, 2, 3])
    #expect(items.map(\.offset.rawValue) == items.map { waiting[$0.key] })
    #expect(items.map(\.atJava) == [.keptForGood, .keptForGood, .delivered, .levelUnknown])
    #expect(items.allSatisfy { $0.due > SystemClock.wall() })
    #expect(counts.timed == 2 && counts.delayed == 2 && counts.notForJava == 3)
  }

  @Test func `a level that is shorter at Java is told`() {
    let levels = DelayLevels(DelayLevels.standard)
    let now = WallTime(milliseconds: 1_000_000)
    let item = PendingMessages.Item(level: 1, due: now.advanced(byMilliseconds: 1001), offset: .zero)
    #expect(levels.map { PendingMessages.AtJava(item, levels: $0, now: now) } == .atOnce)
    let due = PendingMessages.Item(level: 1, due: now.advanced(byMilliseconds: 1000), offset: .zero)
    #expect(levels.map { PendingMessages.AtJava(due, levels: $0, now: now) } == .delivered)
  }
}
