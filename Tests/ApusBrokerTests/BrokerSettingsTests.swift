import ApusBase
import ApusBrokerCore
import ApusModel
import ApusStoreCore
import Foundation
import Testing

@testable import ApusBroker

@Suite struct BrokerSettingsTests {
  let machine = BrokerSettings.Machine(cores: 2, hostName: "host", address: "10.0.0.7", storeRoot: "/home/x/store")
  let now = WallTime(milliseconds: 5)

  func settings(_ entries: [(String, String)] = []) throws -> BrokerSettings {
    try BrokerSettings(
      PropertiesFile(entries.map { PropertiesFile.Entry($0.0, $0.1) }), machine: machine, now: now)
  }

  @Test func `knows every key of Java's configuration with Java's default`() throws {
    let defaults = try settings()
    let cores = [
      "min(cores, 4)": "2", "16 + cores * 2": "20", "8 + cores": "10", "min(32, cores)": "2",
      "max(8 + cores * 2, sendMessageThreadPoolNums * 4)": "12", "local ip": "10.0.0.7", "host name": "host",
      "~/store": "/home/x/store", "6 (RW)": "6", "0L": "0",
      "configBlackList;brokerConfigPath (string list by ;)": "configBlackList;brokerConfigPath",
    ]
    let rows = try Fixture.text("settings/keys-4.9.8.tsv").split(separator: "\n").dropFirst()
    #expect(rows.count == 159)
    for row in rows {
      let columns = row.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      #expect(SettingKey.byName[columns[0]] != nil, "\(columns[0])")
      if columns[2].hasPrefix("-D") || ["null", "(unset)"].contains(columns[2]) {
        #expect(defaults[columns[0]] == nil, "\(columns[0])")
      } else {
        // On here, so that conditions work as tags do.
        let own = columns[0] == "enablePropertyFilter" ? "true" : nil
        let expected = own ?? cores[columns[2]] ?? columns[2].filter { $0 != "\"" }
        #expect(defaults[columns[0]] == expected, "\(columns[0])")
      }
    }
  }

  @Test func `the compatibility page says of every key whether it takes effect, and if not, why`() throws {
    let page = try Fixture.text("../docs/compatibility.md")
    var states: [String: String] = [:]
    for section in ["### Broker and store", "### Network, in the broker's file"] {
      let start = try #require(page.range(of: section))
      for line in page[start.upperBound...].split(separator: "\n").drop(while: { !$0.hasPrefix("| ") }) {
        guard line.hasPrefix("|") else { break }
        let cells = line.dropFirst(2).dropLast(2).split(separator: " | ").map(String.init)
        if let key = cells.first, let state = cells.last { states[key] = state }
      }
    }
    let own = Set(SettingKey.apus.map(\.name))
    for key in SettingKey.all where !own.contains(key.name) {
      let state = try #require(states[key.name], "\(key.name) has no row")
      let isNone = if case .none = key.effect { true } else { false }
      #expect(isNone ? state.hasPrefix("no effect: ") : state == "takes effect", "\(key.name): \(state)")
    }
    for key in states.keys where SettingKey.byName[key] == nil && key != "Key" && !key.hasPrefix("-") {
      Issue.record("\(key) is no key")
    }
    for key in own { #expect(page.contains("`\(key)`"), "\(key) is not named") }
  }

  @Test func `a key that takes effect is read`() throws {
    let directory = "../Sources/ApusBroker/Settings/"
    let reader =
      try Fixture.text(directory + "BrokerSettings.swift") + Fixture.text(directory + "BrokerSettings+Reading.swift")
    for key in SettingKey.all {
      if case .none = key.effect { continue }
      #expect(reader.contains("\"\(key.name)\""), "\(key.name) is said to take effect, and nothing reads it")
    }
  }

  @Test func `reads what a Java broker printed and prints the same`() throws {
    let bytes = try Fixture.bytes("settings/broker-config.properties")
    let printed = try PropertiesFile(parsing: bytes.rawSpan)
    #expect(printed.entries.count > 170)
    let read = try BrokerSettings(printed, machine: machine, now: now)
    #expect(read.warnings.isEmpty)
    let own = Set(SettingKey.apus.map(\.name))
    let again = try PropertiesFile(parsing: Array(read.lines.utf8).rawSpan)
    #expect(
      Set(again.entries.filter { !own.contains($0.key) }.map { "\($0.key)=\($0.value)" })
        == Set(printed.entries.map { "\($0.key)=\($0.value)" }))
  }

  @Test func `sorts the values into components`() throws {
    let read = try settings([
      ("brokerClusterName", "C"), ("brokerName", " b "), ("listenPort", "20911"), ("namesrvAddr", "a:1; b:2;"),
      ("flushDiskType", "SYNC_FLUSH"), ("deleteWhen", "02;14"), ("registerNameServerPeriod", "1000"),
      ("adminAllow", "10.0.0.0/8, 192.168.1.1"), ("autoCreateTopicEnable", "FALSE"), ("storePathRootDir", "/data"),
      ("mappedFileSizeConsumeQueue", "2010"), ("traceTopicEnable", "true"), ("fileReservedTime", "2"),
    ])
    #expect(read.identity.cluster == "C")
    #expect(read.identity.broker == "b")
    #expect(read.identity.port == 20911)
    #expect(read.identity.nameServers == ["a:1", "b:2"])
    #expect(read.keeping.syncsBeforeAcknowledging)
    #expect(read.keeping.deletionHours == [2, 14])
    #expect(try settings([("deleteWhen", "04;")]).keeping.deletionHours == [4])
    #expect(read.keeping.commitLog == "/data/commitlog")
    #expect(read.keeping.queueFileBytes == 2020)
    #expect(read.keeping.retention == .seconds(7200))
    #expect(read.registering.period == .seconds(10))
    #expect(read.process.adminNetworks.map(\.description) == ["10.0.0.0/8", "192.168.1.1/32"])
    #expect(!read.topicRules.autoCreates)
    #expect(read.topicRules.cluster == "C")
    #expect(read.topicRules.traceTopic == "RMQ_SYS_TRACE_TOPIC")
  }

  @Test(arguments: [
    ("listenPort", "99999"), ("listenPort", "-1"), ("maxMessageSize", "4MB"), ("maxMessageSize", ""),
    ("autoCreateTopicEnable", "yes"), ("flushDiskType", "sync"), ("deleteWhen", "24"), ("deleteWhen", ""),
    ("brokerPermission", "99"), ("fileReservedTime", "99999999999999999999"), ("adminAllow", "everywhere"),
    ("namesrvAddr", "bad addr"), ("namesrvAddr", "a:1;b:2 c:3"), ("namesrvAddr", "a:1,b:2"), ("namesrvAddr", "a"),
    ("namesrvAddr", "a:65536"), ("namesrvAddr", ":9876"), ("namesrvAddr", "http://a:80"), ("namesrvAddr", "a:1;b:"),
    ("brokerName", ""), ("brokerName", String(repeating: "b", count: 128)), ("defaultTopicQueueNums", "0"),
    ("enableDLegerCommitLog", "true"), ("storePathCommitLog", "/a/commitlog,/b/commitlog"),
    ("flushDelayOffsetInterval", "0"), ("loops", "201"), ("storePathRootDir", ""), ("storePathCommitLog", ""),
    ("messageDelayLevel", "soon"),
    ("storePathRootDir", "~/store"), ("storePathCommitLog", "$HOME/log"), ("deleteWhen", ";"), ("deleteWhen", "4h"),
    ("brokerIP1", "0.0.0.0"), ("brokerIP1", "::"), ("brokerIP1", "[::]"), ("brokerIP1", ""), ("brokerIP1", "a b"),
    ("brokerIP1", "10.0.0.1:10911"),
  ])
  func `a value that cannot be is an error that names the key, at the start and by request`(
    key: String, value: String
  ) throws {
    let error = #expect(throws: SettingError.self) { try settings([(key, value)]) }
    #expect(error?.key == key)
    #expect(error?.description.contains(key) == true)
    var live = try settings()
    let before = live[key]
    let refused = #expect(throws: SettingError.self) {
      try live.update(PropertiesFile([.init(key, value)]), now: now)
    }
    #expect(refused == error)
    #expect(live[key] == before)
  }

  @Test func `index files of 2 GiB and more are refused`() throws {
    let measures = [("maxHashSlotNum", "100000000"), ("maxIndexNum", "100000000")]
    #expect(throws: SettingError.self) { try settings(measures) }
    #expect(try settings(measures + [("messageIndexEnable", "false")]).keeping.indexLayout == nil)
    let usual = try settings().keeping.indexLayout
    #expect(usual == .standard)
  }

  @Test func `the broker's own topics have names that the log has room for`() throws {
    let longest = String(repeating: "c", count: 115)
    #expect(try settings([("brokerClusterName", longest)]).identity.cluster == longest)
    #expect(throws: SettingError.self) { try settings([("brokerClusterName", longest + "c")]) }
    for name in ["", String(repeating: "t", count: 128)] {
      #expect(throws: SettingError.self) { try settings([("traceTopicEnable", "true"), ("msgTraceTopicName", name)]) }
      #expect(try settings([("msgTraceTopicName", name)]).topicRules.traceTopic == nil)
    }
  }

  @Test func `name servers come from the environment by the same rule`() throws {
    var elsewhere = machine
    elsewhere.nameServers = "a:1; ;[::1]:2"
    let read = try BrokerSettings(machine: elsewhere, now: now)
    #expect(read.identity.nameServers == ["a:1", "[::1]:2"])
    elsewhere.nameServers = "a:1,b:2"
    let error = #expect(throws: SettingError.self) { try BrokerSettings(machine: elsewhere, now: now) }
    #expect(error?.description == "setting namesrvAddr is a:1,b:2 but must be a list of HOST:PORT separated by ;")
  }

  @Test func `a master has the number 0, whatever the file says`() throws {
    let numbered = try settings([("brokerId", "1")])
    #expect(numbered.identity.id == 0)
    #expect(numbered["brokerId"] == "0")
    var live = numbered
    let change = try live.update(PropertiesFile([.init("brokerId", "2")]), now: now)
    #expect(change.ineffective == ["brokerId"])
    #expect(live["brokerId"] == "0")
  }

  @Test(arguments: ["10.0.0.1", "broker.a", "::1", "[fd00::7]"])
  func `clients are told an address or a name`(host: String) throws {
    #expect(try settings([("brokerIP1", host)]).identity.host == host)
  }

  @Test func `an unknown key is a warning`() throws {
    let told = "is not known and has no effect"
    #expect(try settings([("popPollingSize", "7")]).warnings == ["setting popPollingSize \(told)"])
    #expect(try settings([("listenport", "7")]).warnings == ["setting listenport \(told); it is written listenPort"])
  }

  @Test(arguments: [
    ("brokerRole", "SYNC_MASTER", "no replicas"), ("transientStorePoolEnable", "TRUE", "no effect"),
    ("brokerId", "1", "the number 0"),
  ])
  func `a setting that promises what is not done is a warning`(key: String, value: String, told: String) throws {
    let warnings = try settings([(key, value)]).warnings
    #expect(warnings.count == 1)
    #expect(warnings.first?.contains(key) == true && warnings.first?.contains(told) == true)
    #expect(try settings([("brokerRole", "ASYNC_MASTER"), ("transientStorePoolEnable", "false")]).warnings.isEmpty)
  }

  @Test func `the role of a replica is refused with the reason, at the start and by request`() throws {
    let error = #expect(throws: SettingError.self) { try settings([("brokerRole", "SLAVE")]) }
    #expect(
      error?.description
        == "setting brokerRole is SLAVE but must be ASYNC_MASTER or SYNC_MASTER: this version has no replicas")
    var live = try settings()
    #expect(throws: SettingError.self) { try live.update(PropertiesFile([.init("brokerRole", "SLAVE")]), now: now) }
    #expect(live["brokerRole"] == "ASYNC_MASTER")
  }

  @Test func `a change takes effect where it can and says what waits`() throws {
    var live = try settings()
    let change = try live.update(
      PropertiesFile([
        .init("maxMessageSize", "100"), .init("listenPort", "7"), .init("unknown", "x"), .init("brokerPermission", "4"),
        .init("maxDelayTime", "41"),
      ]), now: WallTime(milliseconds: 9))
    #expect(live.serving.maxBodyBytes == 100)
    #expect(live.serving.permission == .read)
    #expect(live.identity.port == 10911)
    #expect(live["listenPort"] == "7")
    #expect(change.waiting == ["listenPort"])
    #expect(change.ineffective == ["maxDelayTime"])
    #expect(change.unknown == ["unknown"])
    #expect(change.entries.count == 4)
    #expect(change.changesPermission)
    #expect(live.version == DataVersion(timestamp: WallTime(milliseconds: 9), counter: 1))
  }

  @Test func `one bad value leaves everything as it was`() throws {
    var live = try settings()
    #expect(throws: SettingError.self) {
      try live.update(PropertiesFile([.init("traceOn", "false"), .init("brokerPermission", "x")]), now: now)
    }
    #expect(live.serving.traceOn)
    #expect(live.version.counter == 0)
  }

  @Test(arguments: [
    ("messageDelayLevel", "1s 5x"), ("brokerName", ""), ("listenPort", "2"),
    ("brokerClusterName", String(repeating: "c", count: 116)),
  ])
  func `a change that the next start would be refused for is refused`(key: String, value: String) throws {
    var live = try settings()
    let before = live[key]
    let error = #expect(throws: SettingError.self) {
      try live.update(PropertiesFile([.init("traceOn", "false"), .init(key, value)]), now: now)
    }
    #expect(error?.key == key)
    #expect(live[key] == before && live.serving.traceOn && live.version.counter == 0)
  }

  @Test func `a broker does not become one of a DLedger group while it runs`() throws {
    var live = try settings([("enableDLegerCommitLog", "FALSE")])
    #expect(throws: SettingError.self) {
      try live.update(PropertiesFile([.init("enableDLegerCommitLog", "TRUE")]), now: now)
    }
    #expect(live["enableDLegerCommitLog"] == "FALSE")
  }

  @Test(arguments: ["configBlackList", "brokerConfigPath", "rocketmqHome", "secret"])
  func `keeps forbidden keys from being changed`(key: String) throws {
    let guarded = try settings([("configBlackList", "configBlackList; brokerConfigPath ;secret")])
    #expect(guarded.forbids(PropertiesFile([.init("traceOn", "false"), .init(key, "x")])))
    #expect(!guarded.forbids(PropertiesFile([.init("traceOn", "false")])))
  }
}
