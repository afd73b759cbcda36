import ApusBase
import ApusModel
import ApusNameServer
import ApusProtocol
import ApusRouteCore
import ApusSimulator
import ApusSystem
import Testing

@Suite struct NameServerRequestsTests {
  private let broker: KeyValuePairs<String, String> = [
    "brokerName": "a", "brokerAddr": "a:1", "clusterName": "C", "haServerAddr": "a:2", "brokerId": "0",
  ]

  private func body(_ topics: [String], counter: Int64 = 1) -> RegisterBrokerBody {
    RegisterBrokerBody(
      topics: TopicTable(
        version: DataVersion(timestamp: WallTime(milliseconds: 5), counter: counter),
        topics: topics.map { TopicConfig(name: $0) }))
  }

  private func deflate(_ bytes: [UInt8]) -> [UInt8] { Zlib.deflate(bytes.rawSpan) }

  private func register(
    _ server: NameServerHarness, _ body: [UInt8], _ more: [(String, String)] = [], version: Int32 = 409,
    link: RouteLink = RouteLink(rawValue: 1)
  ) throws -> Command {
    var fields = broker.map { ReplyField($0.key, $0.value) }
    for (name, value) in more {
      fields.removeAll { $0.name == name }
      fields.append(ReplyField(name, value))
    }
    let command = Command(
      header: CommandHeader(code: RequestCode.registerBroker.rawValue, version: version, id: RequestID(1)),
      fields: fields,
      body: body)
    var frame = ByteWriter()
    command.encode(into: &frame)
    return try Command(copying: try server.answer(frame.array, link: link))
  }

  // MARK: Registration bodies

  @Test func `checks the announced checksum of the body as sent`() throws {
    let server = try NameServerHarness()
    let bytes = body(["T"]).bytes()
    let good = CRC32.body(bytes.rawSpan)
    #expect(try register(server, bytes, [("bodyCrc32", "\(good)")]).responseCode == .success)
    let bad = try register(server, bytes, [("bodyCrc32", "\(good ^ 1)")])
    #expect(bad.responseCode == .systemError)
    #expect(bad.remark == "crc32 not match")
    #expect(try register(server, bytes, [("bodyCrc32", "0")]).responseCode == .success)
  }

  @Test func `takes the wrapper alone from brokers older than version 37`() throws {
    let server = try NameServerHarness()
    let wrapper = try #require(body(["T"]).json["topicConfigSerializeWrapper"])
    #expect(try register(server, wrapper.bytes(), version: 36).responseCode == .success)
    #expect(try server.topics() == ["T"])
  }

  @Test func `takes compressed bodies`() throws {
    let server = try NameServerHarness()
    let answer = try register(server, deflate(body(["T", "U"]).inflated), [("compressed", "true")])
    #expect(answer.responseCode == .success)
    #expect(try server.topics() == ["T", "U"])
  }

  @Test func `takes an empty body as a broker without topics`() throws {
    let server = try NameServerHarness()
    #expect(try register(server, []).responseCode == .success)
    #expect(try server.topics() == [])
    #expect(try server.call(.getBrokerClusterInfo).text.contains("a:1"))
  }

  @Test func `refuses a body that inflates beyond its bound`() throws {
    let server = try NameServerHarness()
    let bomb = deflate([UInt8](repeating: 0, count: 65 << 20))
    #expect(bomb.count < 100_000)
    let answer = try register(server, bomb, [("compressed", "true")])
    #expect(answer.responseCode == .systemError)
    #expect(answer.remark?.contains("more than 67108864 bytes") == true)
  }

  @Test(arguments: [
    "{", "[]x", #"{"topicConfigSerializeWrapper":{"topicConfigTable":{"T":1}}}"#,
    #"{"topicConfigSerializeWrapper":{"topicConfigTable":[]}}"#,
    #"{"topicConfigSerializeWrapper":{"topicConfigTable":{"T":{"topicName":""}}}}"#,
    #"{"topicConfigSerializeWrapper":{"topicConfigTable":{"T":{"topicName":"T","perm":99999999999}}}}"#,
    #"{"topicConfigSerializeWrapper":{"dataVersion":{"counter":"x"}}}"#,
    String(repeating: "[", count: 100_000),
  ])
  func `refuses bodies that are not what they claim to be`(_ text: String) throws {
    let server = try NameServerHarness()
    let answer = try register(server, Array(text.utf8))
    #expect(answer.responseCode == .systemError)
    #expect(answer.remark?.hasPrefix("Failed to decode RegisterBrokerBody") == true)
    #expect(try server.call(.getBrokerClusterInfo).text == #"{"brokerAddrTable":{},"clusterAddrTable":{}}"#)
  }

  @Test func `never traps on damaged compact bodies`() throws {
    let server = try NameServerHarness()
    let bytes = body(["T", "U"]).inflated
    var generator = SeededGenerator(seed: 3)
    for length in 0..<bytes.count {
      _ = try register(server, deflate(Array(bytes[..<length])), [("compressed", "true")])
      var damaged = bytes
      damaged[length] = UInt8.random(in: 0...255, using: &generator)
      _ = try register(server, deflate(damaged), [("compressed", "true")])
    }
  }

  @Test(arguments: [
    ("brokerName", ""), ("brokerAddr", ""), ("clusterName", String(repeating: "x", count: 1025)), ("brokerId", "one"),
    ("bodyCrc32", "x"), ("haServerAddr", String(repeating: "x", count: 1025)),
  ])
  func `refuses fields that are missing, unreadable or too long`(_ field: String, _ value: String) throws {
    let server = try NameServerHarness()
    let answer = try register(server, body(["T"]).bytes(), [(field, value)])
    #expect(answer.responseCode == .systemError)
    #expect(answer.remark?.contains(field) == true)
  }

  @Test func `refuses brokers beyond its limit`() throws {
    let server = try NameServerHarness(limits: RouteLimits(brokers: 1))
    #expect(try register(server, body(["T"]).bytes()).responseCode == .success)
    let answer = try register(server, body(["T"]).bytes(), [("brokerAddr", "b:1")])
    #expect(answer.responseCode == .systemError)
    #expect(answer.remark?.contains("full") == true)
  }

  // MARK: Liveness

  @Test func `forgets a silent broker after 120 seconds and names its connection`() throws {
    let server = try NameServerHarness()
    _ = try register(server, body(["T"]).bytes(), link: RouteLink(rawValue: 9))
    let later = server.now + .seconds(121)
    #expect(server.requests.removeSilentBrokers(now: server.now + .seconds(120)) == [])
    #expect(server.requests.removeSilentBrokers(now: later) == [RouteLink(rawValue: 9)])
    #expect(try server.topics() == [])
  }

  @Test func `forgets a broker with its connection`() throws {
    let server = try NameServerHarness()
    _ = try register(server, body(["T"]).bytes(), link: RouteLink(rawValue: 9))
    server.requests.connectionLost(RouteLink(rawValue: 9))
    #expect(try server.call(.getRouteInfoByTopic, ["topic": "T"]).responseCode == .topicNotExist)
  }

  // MARK: KV settings

  @Test func `KV settings survive a restart`() throws {
    let disk = SimulatedDisk(seed: 1)
    let first = try NameServerHarness(disk: disk)
    _ = try first.call(.putKVConfig, ["namespace": "ns", "key": "k", "value": "v"])
    disk.crash(.powerLoss)
    disk.restart()
    let second = try NameServerHarness(disk: disk)
    #expect(try second.call(.getKVConfig, ["namespace": "ns", "key": "k"])["value"] == "v")
    _ = try second.call(.deleteKVConfig, ["namespace": "ns", "key": "k"])
    let third = try NameServerHarness(disk: disk)
    #expect(try third.call(.getKVConfig, ["namespace": "ns", "key": "k"]).responseCode == .queryNotFound)
    #expect(try third.call(.getKVListByNamespace, ["namespace": "ns"]).text == #"{"table":{}}"#)
  }

  @Test func `a KV setting that cannot be stored is not taken over`() throws {
    let server = try NameServerHarness()
    server.disk.plan = FaultPlan(failures: [.init(.sync, occurrence: 1, code: .full)])
    let answer = try server.call(.putKVConfig, ["namespace": "ns", "key": "k", "value": "v"])
    #expect(answer.responseCode == .systemError)
    #expect(answer.remark?.contains("no space left") == true)
    #expect(try server.call(.getKVConfig, ["namespace": "ns", "key": "k"]).responseCode == .queryNotFound)
  }

  @Test func `order configurations stand in routes while they are enabled`() throws {
    let server = try NameServerHarness()
    _ = try register(server, body(["T"]).bytes())
    _ = try server.call(.putKVConfig, ["namespace": "ORDER_TOPIC_CONFIG", "key": "T", "value": "a:4"])
    func order() throws -> String? {
      try JSONParser.parse(try server.call(.getRouteInfoByTopic, ["topic": "T"]).body.rawSpan)["orderTopicConf"]?.text
    }
    #expect(try order() == nil)
    _ = try server.call(.updateNamesrvConfig, body: Array("orderMessageEnable=true".utf8))
    #expect(try order() == "a:4")
    _ = try server.call(.putKVConfig, ["namespace": "ORDER_TOPIC_CONFIG", "key": "T", "value": "a:8"])
    #expect(try order() == "a:8")
    _ = try server.call(.deleteKVConfig, ["namespace": "ORDER_TOPIC_CONFIG", "key": "T"])
    #expect(try order() == nil)
  }

  // MARK: Settings

  @Test(arguments: ["kvConfigPath", "configStorePath", "configBlackList", "rocketmqHome", "adminAllow"])
  func `refuses a change of a listed key and applies nothing of it`(_ key: String) throws {
    let server = try NameServerHarness()
    let answer = try server.call(.updateNamesrvConfig, body: Array("orderMessageEnable=true\n\(key)=x".utf8))
    #expect(answer.responseCode == .noPermission)
    #expect(answer.remark == "Can not update config in black list.")
    #expect(try server.call(.getNamesrvConfig).text.contains("orderMessageEnable=false\n"))
  }

  /// CVE-2023-33246 and CVE-2023-37582: code 318 let anyone choose a path and what was written there.
  @Test(arguments: [
    "configStorePath=/etc/cron.d/x\nproductEnvName=* * * * * root id",
    "configStorePathName=/etc/cron.d/x\nproductEnvName=* * * * * root id", "kvConfigPath=/etc/cron.d/x",
    "rocketmqHome=/etc/cron.d", "rocketmqHome=$(id)", " configStorePath = /etc/cron.d/x",
    "config\\u0053torePath=/etc/x",
    "configStorePath=/etc/x\nconfigBlackList=nothing", "configBlackList=nothing",
  ])
  func `no change of settings chooses where something is written`(_ text: String) throws {
    let server = try NameServerHarness()
    _ = try server.call(.updateNamesrvConfig, body: Array(text.utf8))
    _ = try server.call(.updateNamesrvConfig, body: Array("configStorePath=/etc/x\nproductEnvName=lab".utf8))
    _ = try server.call(.updateNamesrvConfig, body: Array("productEnvName=lab".utf8))
    _ = try server.call(.putKVConfig, ["namespace": "../../etc", "key": "../x", "value": "y"])
    for directory in ["/", "/etc", "/etc/cron.d", "etc", ".", ""] {
      let names = try server.disk.list(directory).map(\.name)
      #expect(names.filter { $0 != "home" } == [], "\(directory)")
    }
    #expect(
      Set(try server.disk.list("home").map(\.name)).isSubset(of: [
        "namesrv.properties", "namesrv.properties.bak", "kvConfig.json",
      ]))
  }

  @Test func `stores changed settings and ignores unknown keys`() throws {
    let server = try NameServerHarness()
    let change = Array("productEnvName=lab\nunknownKey=1\n".utf8)
    let answer = try server.call(.updateNamesrvConfig, body: change)
    #expect(answer.responseCode == .success && answer.remark == "not known, not changed: unknownKey")
    #expect(try server.call(.getNamesrvConfig).text.contains("productEnvName=lab\n"))
    #expect(try !server.call(.getNamesrvConfig).text.contains("unknownKey"))
    #expect(try server.disk.list("home").map(\.name) == ["namesrv.properties"])
  }

  @Test(arguments: [
    "listenPort=many\nproductEnvName=lab", "listenPort=65536\nproductEnvName=lab",
    "listenPort=-1\nproductEnvName=lab", "productEnvName=\\u12", "orderMessageEnable=ture\nproductEnvName=lab",
  ])
  func `refuses settings that cannot be read and applies nothing of them`(_ text: String) throws {
    let server = try NameServerHarness()
    #expect(try server.call(.updateNamesrvConfig, body: Array(text.utf8)).responseCode == .systemError)
    #expect(try server.call(.getNamesrvConfig).text.contains("productEnvName=center\n"))
  }

  @Test func `passes over blanks behind a value`() throws {
    var settings = NameServerSettings(home: "h")
    let file = PropertiesFile([.init("listenPort", "9999 "), .init("orderMessageEnable", "TRUE\t")])
    #expect(try settings.load(file).isEmpty)
    #expect(settings.listenPort == 9999 && settings.isOrderEnabled)
  }

  @Test func `reads a configuration file and tells unknown keys`() throws {
    var settings = NameServerSettings(home: "h")
    let file = PropertiesFile([
      .init("listenPort", "9999"), .init("adminAllow", "10.0.0.0/8"), .init("kvConfigPath", "/k"), .init("x", "1"),
    ])
    #expect(try settings.load(file) == ["x"])
    #expect(settings.listenPort == 9999)
    #expect(settings.kvConfigPath == "/k")
    #expect(settings.adminAllow.map(\.description) == ["10.0.0.0/8"])
    #expect(throws: DecodeError.self) {
      var settings = settings
      _ = try settings.load(PropertiesFile([.init("adminAllow", "everybody")]))
    }
  }

  @Test func `rewrites the configuration file that it was started with and keeps what it does not know`() throws {
    var settings = NameServerSettings(home: "home")
    let file = PropertiesFile([.init("adminAllow", "10.0.0.0/8"), .init("listenPort", "9999"), .init("x", "1")])
    #expect(try settings.load(file, from: "etc/namesrv.conf") == ["x"])
    let server = try NameServerHarness(settings: settings)
    _ = try server.call(.updateNamesrvConfig, body: Array("orderMessageEnable=true".utf8))
    var stored = ConfigFile(path: "etc/namesrv.conf")
    let loaded = try #require(
      try stored.load(from: server.disk) { (bytes) throws(DecodeError) in try PropertiesFile(parsing: bytes) })
    #expect(loaded.value["adminAllow"] == "10.0.0.0/8")
    #expect(loaded.value["x"] == "1")
    #expect(loaded.value["listenPort"] == "9999")
    #expect(loaded.value["orderMessageEnable"] == "true")
    #expect(try !server.call(.getNamesrvConfig).text.contains("adminAllow"))
  }

  // MARK: Access and unknown requests

  @Test(arguments: [100, 102, 205, 216, 318, 319, 327] as [Int32])
  func `codes that administer are refused from elsewhere`(_ number: Int32) throws {
    let server = try NameServerHarness()
    let code = RequestCode(number)
    let refused = try server.call(code, from: NameServerHarness.elsewhere)
    #expect(refused.responseCode == .noPermission)
    #expect(refused.remark?.contains("adminAllow") == true)
    #expect(try server.call(code).responseCode != .noPermission)
    var settings = NameServerSettings(home: "home")
    _ = try settings.load(PropertiesFile([.init("adminAllow", "10.9.0.0/16")]))
    let open = try NameServerHarness(settings: settings)
    #expect(try open.call(code, from: NameServerHarness.elsewhere).responseCode != .noPermission)
  }

  @Test(arguments: [101, 103, 104, 105, 106, 206, 219, 224, 304, 311, 312, 313, 322] as [Int32])
  func `other codes are served to anyone`(_ number: Int32) throws {
    let server = try NameServerHarness()
    let answer = try server.call(RequestCode(number), from: NameServerHarness.elsewhere)
    #expect(answer.responseCode != .noPermission)
    #expect(answer.responseCode != .requestCodeNotSupported)
  }

  @Test func `answers an unknown code`() throws {
    let answer = try NameServerHarness().call(RequestCode(9999))
    #expect(answer.responseCode == .requestCodeNotSupported)
    #expect(answer.remark == " request type 9999 not supported")
  }
}
