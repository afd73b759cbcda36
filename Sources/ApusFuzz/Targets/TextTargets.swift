import ApusAccess
import ApusBase
import ApusBroker
import ApusBrokerCore
import ApusFilter
import ApusModel
import ApusNameServer
import ApusStoreCore

extension FuzzTarget {
  private static let propertiesWords = [
    "brokerName=", "\\u0041", "\\\n", "\\t", "#", "!", "=", ":", "\r\n", "brokerClusterName", "listenPort=",
    "adminAllow=",
    "127.0.0.1/8", "deleteWhen=04", "flushDiskType=ASYNC_FLUSH", "true",
  ]

  /// Texts of people and programs.
  static let texts: [FuzzTarget] = [
    FuzzTarget("properties-file", shortRuns: 5000, words: propertiesWords, TextChecks.propertiesFile),
    FuzzTarget(
      "access-file", shortRuns: 8000,
      words: [
        "globalWhiteRemoteAddresses:\n", "accounts:\n", "- accessKey: RocketMQ\n", "  secretKey: 12345678\n",
        "  whiteRemoteAddress: 192.168.0.*\n", "  admin: false\n", "  defaultTopicPerm: DENY\n", "  topicPerms:\n",
        "  - t=PUB|SUB\n", "&a", "*a", "!!str ", "---\n", "{", "}", "[", "]", "\"", "'", "|\n", ">\n", "? ", "{3,4}",
        "1-9",
      ], TextChecks.accessFile),
    FuzzTarget(
      "sql", shortRuns: 30_000,
      words: [
        " AND ", " OR ", "NOT ", " BETWEEN ", " IN ('", "','", "')", " IS NULL", " IS NOT NULL", "TRUE", "FALSE",
        "NULL",
        " = ", " <> ", " > ", " >= ", " < ", " <= ", "(", ")", "-", "+", "1", "9223372036854775807", "0x1p3", "1e9",
        "--\n", "/*", "*/", "\u{0}", "\u{1}", "\u{2}", "a", "b", "'x'",
      ], SQLChecks.check),
    FuzzTarget(
      "text", shortRuns: 8000,
      words: ["127.0.0.1:", "[::1]:9876", "::", "/24", "||", " ", "1s 5m 2h 1d", "-", "%RETRY%", "A0B1"],
      TextChecks.text),
  ]
}

/// Files and texts that people write.
enum TextChecks {
  private static let now = WallTime(milliseconds: 1_700_000_000_000)

  /// Keys that are set in the text of a file read back, and no other changes.
  private static func settingKeys(of file: PropertiesFile, in input: [UInt8]) throws(FuzzFinding) {
    // What is at its limit has no room for more.
    guard input.count < PropertiesFile.byteLimit / 2, file.entries.count < PropertiesFile.entryLimit / 2 else { return }
    let change = [PropertiesFile.Entry(file.entries.last?.key ?? "a", " 1\\"), PropertiesFile.Entry("traceOn", "x")]
    var expected = file
    for entry in change { expected[entry.key] = entry.value }
    let edited = readable { () throws(DecodeError) -> PropertiesFile in
      var text = try PropertiesText(input)
      try text.set(change)
      let bytes = text.bytes
      return try PropertiesFile(parsing: bytes.rawSpan)
    }
    try require(edited == expected, "\(file.entries) with \(change) set is \(edited?.entries as Any)")
  }

  /// A file of properties, and the settings of both servers in it.
  static func propertiesFile(_ input: [UInt8]) throws(FuzzFinding) {
    guard let file = readable({ try PropertiesFile(parsing: input.rawSpan) }) else { return }
    let again = readable { try PropertiesFile(parsing: file.text.rawSpan) }
    try require(again == file, "\(file.entries), written and read again, is \(again?.entries as Any)")
    try settingKeys(of: file, in: input)
    let machine = BrokerSettings.Machine(cores: 2, hostName: "h", address: "10.0.0.1", storeRoot: "/store")
    if let settings = readable({ try BrokerSettings(file, machine: machine, now: now) }) {
      for entry in file.entries {
        guard let value = settings[entry.key] else { continue }
        try require(entry.value.contains(value), "\(entry.key) is \(value), but \(entry.value) was given")
      }
    }
    var names = NameServerSettings(home: "/home")
    _ = readable { try names.load(file) }
  }

  /// A file of accounts.
  static func accessFile(_ input: [UInt8]) throws(FuzzFinding) {
    guard var file = readable({ try AccessFile(path: "plain_acl.yml", bytes: input) }) else { return }
    try staysTheSame(file)
    let change = AccountChange(
      accessKey: file.accounts.last?.accessKey ?? "newAccount", secretKey: "p:a'ss\"w#d",
      whiteRemoteAddress: "10.0.*.*",
      isAdmin: true, topicPermissions: ["t=PUB", "weird: topic=SUB"])
    if readable({ try file.update(change, now: now) }) != nil { try staysTheSame(file) }
    let addresses = ["10.10.{1,2}.*", "'", "- x", "\u{85}", ""]
    if readable({ try file.replaceGlobalAddresses(by: addresses, now: now) }) != nil { try staysTheSame(file) }
  }

  /// A file that is written and read says the same, and is written the same.
  private static func staysTheSame(_ file: AccessFile) throws(FuzzFinding) {
    guard let again = readable({ try AccessFile(path: file.path, bytes: file.bytes) }) else {
      throw FuzzFinding("a file with \(file.accounts), written, cannot be read")
    }
    let isSame =
      again.globalAddresses == file.globalAddresses && again.version == file.version
      && again.accounts.map(\.accessKey) == file.accounts.map(\.accessKey)
    try require(isSame, "a file with \(file.accounts), written and read again, has \(again.accounts)")
    try require(again.bytes == file.bytes, "a file with \(file.accounts), written twice, is not the same twice")
  }

  /// Short texts of many kinds.
  static func text(_ input: [UInt8]) throws(FuzzFinding) {
    let text = String(decoding: input, as: UTF8.self)
    if let host = HostAddress(text) {
      try require(HostAddress(host.description) == host, "the address \(host) is not read as it is written")
    }
    if let network = Network(text) {
      try require(Network(network.description) == network, "the network \(network) is not read as it is written")
      _ = network.contains(HostAddress(ipv6High: 0, low: 1, port: 0))
    }
    if let networks = readable({ try Network.list(text) }) {
      let again = readable { try Network.list(networks.map(\.description).joined(separator: ",")) }
      try require(again == networks, "the networks \(networks) are not read as they are written")
    }
    if let pattern = readable({ try AddressPattern(text) }) {
      _ = pattern.matches(HostAddress(ipv4: 0x0A00_0001, port: 1))
      _ = pattern.matches(HostAddress(ipv6High: 1, low: 2, port: 1))
    }
    if let id = readable({ try MessageID(input.rawSpan) }) {
      let again = readable { try MessageID(id.description) }
      try require(again == id, "the id \(id) is not read as it is written")
    }
    if let key = readable({ try UniqueKey(input.rawSpan) }) {
      let again = readable { try UniqueKey(Array(key.description.utf8).rawSpan) }
      try require(again == key, "the key \(key) is not read as it is written")
    }
    if let levels = DelayLevels(text) {
      try require(!levels.milliseconds.contains { $0 < 0 }, "\(text) has a level that goes back in time")
    }
    try names(input, text)
    try numbers(input, text)
    try tags(text)
  }

  private static func names(_ input: [UInt8], _ text: String) throws(FuzzFinding) {
    let allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%|_-"
    let isName = !input.isEmpty && text.allSatisfy { allowed.contains($0) }
    let isTopic = readable { try TopicName.validate(input.rawSpan) } != nil
    try require(isTopic == (isName && input.count <= TopicName.maxLength), "\(text) is taken for a topic: \(isTopic)")
    let isGroup = readable { try GroupName.validate(input.rawSpan) } != nil
    try require(isGroup == (isName && input.count <= GroupName.maxLength), "\(text) is taken for a group: \(isGroup)")
  }

  /// The short ways to numbers against the standard library's.
  private static func numbers(_ input: [UInt8], _ text: String) throws(FuzzFinding) {
    guard input.allSatisfy({ $0 < 0x80 }) else { return }
    let span = input.rawSpan
    try require(JavaNumber.int64(span) == Int64(text), "\(text) is read as \(JavaNumber.int64(span) as Any)")
    try require(JavaNumber.int32(span) == Int32(text), "\(text) is read as \(JavaNumber.int32(span) as Any)")
    let digits = text.utf8.allSatisfy { "0123456789.eE+-".utf8.contains($0) }
    if digits, let value = Double(text) {
      try require(JavaNumber.double(span) == value, "\(text) is read as \(JavaNumber.double(span) as Any)")
    }
  }

  /// A subscription to tags against the rule that it is made of.
  private static func tags(_ expression: String) throws(FuzzFinding) {
    guard let subscription = Subscription(tagExpression: expression) else { return }
    let hashes = Set(subscription.tags.map { JavaHash.hash($0) })
    for hash in hashes.union([0, 1, -1, Int32.max]) {
      let matches = subscription.matches(tagsCode: Int64(hash))
      let expected = subscription.isWildcard || hashes.contains(hash)
      try require(matches == expected, "\(expression) passes the tags code \(hash): \(matches)")
    }
    // By bytes: a mark that combines with the bar before it makes one character of both.
    let bytes = Array(expression.utf8)
    for tag in subscription.tags.map({ Array($0.utf8) }) {
      let text = String(decoding: tag, as: UTF8.self)
      try require(bytes.firstRange(of: tag) != nil, "\(expression) has a tag \(text)")
      try require(tag.firstRange(of: Array("||".utf8)) == nil, "\(expression) has a tag \(text)")
    }
  }
}
