import ApusBase
import ApusBrokerCore
import ApusModel
import ApusProtocol
import ApusSimulator
import ApusSystem
import Testing

@testable import ApusBroker

@Suite struct ConfigStoreTests {
  let broker: BrokerUnderTest

  init() throws { broker = try BrokerUnderTest() }

  func read(_ path: String) throws -> [UInt8]? {
    var file = ConfigFile(path: path)
    return try file.load(from: broker.disk) { bytes throws(DecodeError) in bytes.array }?.value
  }

  func write(_ bytes: [UInt8], _ path: String) throws {
    var file = ConfigFile(path: path)
    try file.store(bytes.rawSpan, to: broker.disk)
  }

  @Test func `an empty store has nothing stored`() throws {
    let stored = try ConfigStore.load(root: "/store", disk: broker.disk)
    #expect(stored.topics == nil)
    #expect(stored.groups == nil)
    #expect(stored.offsets == nil)
    #expect(stored.fallbacks.isEmpty)
    #expect(stored.missing == ["topics.json", "subscriptionGroup.json", "consumerOffset.json"])
  }

  @Test func `a Java broker's files become tables and come back with the same content`() throws {
    for name in ["topics", "subscriptionGroup", "consumerOffset"] {
      try write(try Fixture.bytes("config-json/\(name).json"), "/store/config/\(name).json")
    }
    let stored = try ConfigStore.load(root: "/store", disk: broker.disk)
    #expect(stored.missing.isEmpty)
    let other = try BrokerUnderTest(stored: stored)
    #expect(other.config.saveAll().isEmpty)
    let again = try ConfigStore.load(root: "/store", disk: other.disk)
    #expect(Set(try #require(again.topics).topics).isSuperset(of: try #require(stored.topics).topics))
    #expect(again.topics?.version == stored.topics?.version)
    #expect(Set(again.groups?.groups ?? []) == Set(stored.groups?.groups ?? []))
    #expect(Set(again.offsets?.entries ?? []) == Set(stored.offsets?.entries ?? []))
    #expect(other.tables.offsets.withLock { $0.offset(topic: "FxTopic", group: "fx_g_sql", queue: 0) } == 6)
  }

  @Test func `writes a file only when its table moved`() throws {
    #expect(broker.config.saveAll().isEmpty)
    let first = try read("/store/config/topics.json")
    #expect(first != nil)
    #expect(broker.config.saveAll().isEmpty)
    #expect(try read("/store/config/topics.json.bak") == nil)
    broker.topic("T")
    try broker.config.saveTopics()
    #expect(try read("/store/config/topics.json") != first)
    #expect(try read("/store/config/topics.json.bak") == first)
  }

  @Test func `a file that cannot be written keeps no other from being written`() throws {
    let (topic, group) = (Array("T".utf8), Array("g".utf8))
    broker.tables.offsets.withLock {
      _ = $0.commit(topic: topic.rawSpan, group: group.rawSpan, queue: 0, offset: 3)
    }
    broker.disk.plan = FaultPlan(failures: [.init(.open, occurrence: 1, code: .denied)])
    #expect(broker.config.saveAll().count == 1)
    let stored = try ConfigStore.load(root: "/store", disk: broker.disk)
    #expect(stored.topics == nil)
    #expect(stored.offsets?.entries.count == 1)
    #expect(broker.config.saveAll().isEmpty)
    #expect(try ConfigStore.load(root: "/store", disk: broker.disk).topics != nil)
  }

  @Test func `takes the backup of a damaged file and says so`() throws {
    #expect(broker.config.saveAll().isEmpty)
    broker.topic("T")
    #expect(broker.config.saveAll().isEmpty)
    try write(Array("{\"dataVersion\":".utf8), "/store/config/topics.json")
    let stored = try ConfigStore.load(root: "/store", disk: broker.disk)
    #expect(stored.topics?.topics.contains { $0.name == "T" } == true)
    #expect(stored.fallbacks.count == 1)
    #expect(stored.fallbacks.first?.contains("topics.json") == true)
  }

  @Test(arguments: 1...4 as ClosedRange<Int>)
  func `with light queues a start goes on no further back than either file of offsets says`(rename: Int) throws {
    let broker = try BrokerUnderTest([("enableLmq", "true")])
    let (topic, group) = (Array("T".utf8), Array("g".utf8))
    for offset in [3, 5] as [Int64] {
      broker.tables.offsets.withLock {
        _ = $0.commit(topic: topic.rawSpan, group: group.rawSpan, queue: 0, offset: offset)
      }
      if offset == 5 {
        broker.disk.plan = FaultPlan(failures: [
          .init(.rename, occurrence: rename, code: .failed(ErrorNumber.inputOutput))
        ])
      }
      do throws(DiskError) { try broker.config.saveOffsets() } catch { #expect(offset == 5) }
    }
    let (light, plain) = (try Self.offset(on: broker.disk, light: true), try Self.offset(on: broker.disk, light: false))
    #expect(light >= plain)
  }

  @Test func `light queues switched off for a while and on again take no group back`() throws {
    let disk = SimulatedDisk(seed: 1)
    let (topic, group) = (Array("T".utf8), Array("g".utf8))
    for (isOn, offset) in [(true, 3), (false, 900)] as [(Bool, Int64)] {
      let stored = try ConfigStore.load(root: "/store", disk: disk, light: isOn)
      let broker = try BrokerUnderTest([("enableLmq", "\(isOn)")], stored: stored)
      broker.tables.offsets.withLock {
        _ = $0.commit(topic: topic.rawSpan, group: group.rawSpan, queue: 0, offset: offset)
      }
      try broker.tables.configStore(root: "/store", disk: disk).saveOffsets()
    }
    #expect(try Self.offset(on: disk, light: true) == 900)
  }

  @Test func `a store that never had light queues gets no file of theirs`() throws {
    let (topic, group) = (Array("T".utf8), Array("g".utf8))
    broker.tables.offsets.withLock {
      _ = $0.commit(topic: topic.rawSpan, group: group.rawSpan, queue: 0, offset: 3)
    }
    try broker.config.saveOffsets()
    #expect(try read("/store/config/consumerOffset.json") != nil)
    #expect(try read("/store/config/lmqConsumerOffset.json") == nil)
  }

  private static func offset(on disk: SimulatedDisk, light: Bool) throws -> Int64 {
    let stored = try ConfigStore.load(root: "/store", disk: disk, light: light)
    return try #require(stored.offsets?.entries.first { $0.topic == "T" }?.queues[0])
  }
}
