import ApusBase
import ApusModel
import Testing

@testable import ApusAccess

@Suite struct AccessFileTests {
  /// As RocketMQ's distribution has it, with a comment, an unknown key, and a version as Java writes it.
  static let sample = """
    # A comment.
    globalWhiteRemoteAddresses:
    - 10.10.103.*
    - 192.168.0.*

    accounts:
    - accessKey: RocketMQ
      secretKey: 12345678
      whiteRemoteAddress:
      admin: false
      defaultTopicPerm: DENY
      defaultGroupPerm: SUB
      topicPerms:
      - topicA=DENY
      - topicB=PUB|SUB
      - topicC=SUB
      groupPerms:
      # the group should convert to retry topic
      - groupA=DENY
      - groupB=PUB|SUB
      owner: {name: "Ann \\u00e9", since: 2019}

    - accessKey: rocketmq2
      secretKey: '12345678'
      whiteRemoteAddress: 192.168.1.*
      # if it is admin, it could access all resources
      admin: true
    dataVersion:
    - counter: 3
      timestamp: 1795221109578
      note: kept
    """

  static func file(_ text: String) throws -> AccessFile {
    try AccessFile(path: "/conf/plain_acl.yml", bytes: Array(text.utf8))
  }

  let now = WallTime(milliseconds: 1_800_000_000_000)

  @Test func `a file in Java's form is read`() throws {
    let file = try Self.file(Self.sample)
    #expect(file.globalAddresses.count == 2)
    #expect(file.version == DataVersion(timestamp: WallTime(milliseconds: 1_795_221_109_578), counter: 3))
    #expect(file.accounts.map(\.accessKey) == ["RocketMQ", "rocketmq2"])
    #expect(file.accounts.map(\.line) == [7, 23])
    let first = file.accounts[0]
    #expect(first.secretKey == "12345678")
    #expect(!first.isAdmin && first.addresses.isEmpty)
    #expect(first.topicDefault == .deny && first.groupDefault == .subscribe)
    #expect(first.topics.map(\.0) == ["topicA", "topicB", "topicC"])
    #expect(first.topics.map(\.1) == [.deny, .any, .subscribe])
    #expect(first.groups.map(\.1) == [.deny, .any])
    #expect(file.accounts[1].isAdmin)
  }

  @Test(arguments: ["", "\n", "# only a comment\n", "---\n", "accounts:\n", "accounts: []\n", "{}"])
  func `an empty file has no accounts`(text: String) throws {
    let file = try Self.file(text)
    #expect(file.accounts.isEmpty && file.globalAddresses.isEmpty && file.version == nil)
  }

  // MARK: Hostile files

  static let account = "accounts:\n- accessKey: fxuser01\n  secretKey: topsecret7\n"

  static let hostile: [(String, Int, String)] = [
    ("accounts: &a\n- *a\n", 2, "aliases"),
    ("accounts: !!javax.script.ScriptEngineManager [!!java.net.URLClassLoader []]\n", 1, "tags"),
    ("a: 1\n---\nb: 2\n", 2, "second document"),
    ("accounts: []\naccounts: []\n", 2, "second time"),
    (String(repeating: "k", count: 129) + ": 1\n", 1, "a key has 129 bytes"),
    ("[a]: b\n", 1, "key is not a text"),
    ("- a\n", 1, "keys and values"),
    ("text\n", 1, "keys and values"),
    ("accounts: text\n", 1, "must be a list"),
    ("accounts:\n- text\n", 2, "keys and values"),
    ("accounts:\n- accessKey: short\n  secretKey: topsecret7\n", 2, "longer than 6"),
    ("accounts:\n- accessKey: fxuser01\n  secretKey: topsec\n", 2, "longer than 6"),
    ("accounts:\n- accessKey: fxuser01\n", 2, "longer than 6"),
    ("accounts:\n- accessKey: fxuser01\n  secretKey: [topsecret7]\n", 3, "must be a text"),
    (account + "  admin: perhaps\n", 4, "true or false"),
    (account + "  defaultTopicPerm: WRITE\n", 4, "DENY, PUB, SUB"),
    (account + "  defaultGroupPerm: ANY\n", 4, "DENY, PUB, SUB"),
    (account + "  topicPerms:\n  - topicA\n", 5, "NAME=DENY"),
    (account + "  topicPerms:\n  - topicA=SUB=PUB\n", 5, "NAME=DENY"),
    (account + "  topicPerms:\n  - =SUB\n", 5, "NAME=DENY"),
    (account + "  groupPerms: groupA=SUB\n", 4, "must be a list"),
    (account + "  groupPerms:\n  - [a]\n", 5, "list of texts"),
    (account + "  whiteRemoteAddress: 1.2.3\n", 4, "four components"),
    ("globalWhiteRemoteAddresses:\n- 10.0.0.1\n- 10.0.0.300\n", 3, "not a number up to 255"),
    ("dataVersion:\n- counter: many\n", 2, "must be a number"),
    ("dataVersion:\n- 7\n", 2, "counter and timestamp"),
    (account + "  owner: \"\n", 5, "unexpected end of stream"),
    ("\tkey: value\n", 1, "found character that cannot start any token"),
    ("a: b: c\n", 1, "mapping values are not allowed"),
    (String(repeating: "[", count: 100_000), 1, "nested too deeply"),
    ("a: [" + String(repeating: "x,", count: 200_000) + "]", 1, "more than 100000 values"),
    ("a: " + String(repeating: "x", count: 2 << 20), 1, "longer than 1048576 bytes"),
    ("%YAML 9.9\n---\na: b\n", 1, "incompatible YAML document"),
    ("a: \u{0001}\n", 1, "control characters"),
  ]

  @Test(arguments: hostile)
  func `a file that cannot be is refused with its place and a reason`(text: String, line: Int, reason: String) {
    do throws(AccessFileError) {
      _ = try AccessFile(path: "/conf/plain_acl.yml", bytes: Array(text.utf8))
      Issue.record("it was taken")
    } catch {
      #expect(error.path == "/conf/plain_acl.yml")
      #expect("\(error)".contains("/conf/plain_acl.yml:"))
      #expect(!"\(error)".contains("topsecret7"))
      #expect(error.reason.contains(reason), "\(error)")
      #expect(error.line == line, "\(error)")
    }
  }

  @Test func `bytes that are not UTF-8 are refused`() {
    #expect(throws: AccessFileError.self) { try AccessFile(path: "/x", bytes: [0x61, 0x3A, 0x20, 0xFF, 0xFE, 0x0A]) }
  }

  @Test func `no damaged file traps, and errors tell no secrets`() {
    let bytes = Array(Self.sample.utf8)
    var generator = SeededGenerator(seed: 11)
    for length in bytes.indices { Self.mayFail(Array(bytes[..<length])) }
    for _ in 0..<3000 {
      var damaged = bytes
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        damaged[Int.random(in: 0..<damaged.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      Self.mayFail(damaged)
    }
  }

  private static func mayFail(_ bytes: [UInt8]) {
    do throws(AccessFileError) {
      _ = try AccessFile(path: "/x", bytes: bytes)
    } catch {
      #expect(!"\(error)".contains("12345678"))
    }
  }

  // MARK: Changing

  @Test func `what is not changed is kept, and the file stays in Java's form`() throws {
    var file = try Self.file(Self.sample)
    try file.update(
      AccountChange(
        accessKey: "RocketMQ", secretKey: "new: secret 'quoted'", isAdmin: true, defaultGroupPermission: "PUB|SUB",
        topicPermissions: ["topicA=DENY", "topicD=SUB"]), now: now)
    let text = String(decoding: file.bytes, as: UTF8.self)
    #expect(
      text == """
        globalWhiteRemoteAddresses:
        - 10.10.103.*
        - 192.168.0.*
        accounts:
        - accessKey: RocketMQ
          secretKey: 'new: secret ''quoted'''
          whiteRemoteAddress: null
          admin: true
          defaultTopicPerm: DENY
          defaultGroupPerm: PUB|SUB
          topicPerms:
          - topicA=DENY
          - topicD=SUB
          groupPerms:
          - groupA=DENY
          - groupB=PUB|SUB
          owner:
            name: 'Ann é'
            since: 2019
        - accessKey: rocketmq2
          secretKey: '12345678'
          whiteRemoteAddress: 192.168.1.*
          admin: true
        dataVersion:
        - counter: 4
          timestamp: 1800000000000
          note: kept

        """)
    let again = try AccessFile(path: file.path, bytes: file.bytes)
    #expect(again.bytes == file.bytes)
    #expect(again.accounts[0].secretKey == "new: secret 'quoted'")
    #expect(again.version?.counter == 4)
  }

  @Test func `a plain text with an empty line in it can be read again`() throws {
    var file = try Self.file("note: one\n\n  two\naccounts: []\n")
    try file.replaceGlobalAddresses(by: ["10.1.1.1"], now: now)
    #expect(String(decoding: file.bytes, as: UTF8.self).hasPrefix("note: \"one\\ntwo\"\n"))
    #expect(try AccessFile(path: file.path, bytes: file.bytes).globalAddresses.count == 1)
  }

  @Test func `an account is added at the end, and removed`() throws {
    var file = AccessFile(path: "/conf/plain_acl.yml")
    let change = AccountChange(
      accessKey: "fxnew001", secretKey: "12345678", whiteRemoteAddress: "10.0.0.*", isAdmin: false,
      defaultTopicPermission: "DENY", defaultGroupPermission: "SUB", groupPermissions: ["groupA=SUB"])
    try file.update(change, now: now)
    #expect(
      String(decoding: file.bytes, as: UTF8.self) == """
        accounts:
        - accessKey: fxnew001
          secretKey: '12345678'
          whiteRemoteAddress: 10.0.0.*
          admin: false
          defaultTopicPerm: DENY
          defaultGroupPerm: SUB
          groupPerms:
          - groupA=SUB
        dataVersion:
        - counter: 1
          timestamp: 1800000000000

        """)
    #expect(try !file.remove(accessKey: "fxnew002", now: now))
    #expect(try file.remove(accessKey: "fxnew001", now: now))
    #expect(file.accounts.isEmpty)
    #expect(file.version?.counter == 2)
  }

  @Test func `global addresses are replaced`() throws {
    var file = try Self.file(Self.sample)
    try file.replaceGlobalAddresses(by: ["10.1.1.1", "fe80::1", "*"], now: now)
    let text = String(decoding: file.bytes, as: UTF8.self)
    #expect(text.hasPrefix("globalWhiteRemoteAddresses:\n- 10.1.1.1\n- 'fe80::1'\n- '*'\naccounts:\n"))
    #expect(try AccessFile(path: file.path, bytes: file.bytes).globalAddresses.count == 3)
    #expect(throws: AccessFileError.self) { try file.replaceGlobalAddresses(by: ["10.1.1"], now: now) }
    #expect(String(decoding: file.bytes, as: UTF8.self) == text)
  }

  @Test(arguments: [
    AccountChange(accessKey: "short", secretKey: "12345678"), AccountChange(accessKey: "fxnew001"),
    AccountChange(accessKey: "fxnew001", secretKey: "x"),
    AccountChange(accessKey: "RocketMQ", whiteRemoteAddress: "1.2.3"),
    AccountChange(accessKey: "RocketMQ", defaultTopicPermission: "ALL"),
    AccountChange(accessKey: "RocketMQ", topicPermissions: ["topicA"]),
  ])
  func `a change that cannot be changes nothing`(change: AccountChange) throws {
    var file = try Self.file(Self.sample)
    let before = file.bytes
    #expect(throws: AccessFileError.self) { try file.update(change, now: now) }
    #expect(file.bytes == before)
  }

  @Test(arguments: [
    "plain", "true", "null", "NO", "12345678", "1.5", "10.0.0.1", "10.0.0.*", "-", "- a", "a: b", "a #b", "#a", "'",
    "\"",
    "''", " a", "a ", "", "\n", "line\nline", "tab\t", "\u{0}", "\u{7F}", "\u{85}", "\u{A0}", "\u{2028}", "\u{FEFF}x",
    "é中😀", "\\", "*", "&a", "!a", "%RETRY%g=SUB", "{a}", "[a]", "a,b", "|", ">", "@", "`", "?", "? a", "0x1F", "1e3",
    "2019-01-01", "=", "<<", "~", "..", "...", "---", "1_000", "1:30:00", "\u{1F}\u{10FFFF}\u{9F}",
  ])
  func `every text is read again as it was written`(text: String) throws {
    let root = [YAMLEntry(key: "k", value: .text(text)), YAMLEntry(key: "l", value: .list([text, text]))]
    let node = try #require(try YAMLReader.read(YAMLWriter.text(root)))
    guard case .mapping(let entries) = node.content, case .sequence(let elements)? = entries["l"]?.content else {
      Issue.record("not a mapping")
      return
    }
    for found in [entries["k"]] + elements {
      guard case .scalar(let read, let isPlain)? = found?.content else {
        Issue.record("not a text")
        return
      }
      #expect(read.unicodeScalars.elementsEqual(text.unicodeScalars))
      if isPlain { #expect(found?.isNull == false) }
    }
  }

  @Test func `an account says nothing of its secret`() throws {
    let file = try Self.file(Self.account)
    var dumped = ""
    dump(file.accounts[0], to: &dumped)
    dump(AccountChange(accessKey: "fxuser01", secretKey: "topsecret7"), to: &dumped)
    dump(AccessList([file]), to: &dumped)
    dump(file, to: &dumped)
    print(file, file.accounts, String(reflecting: file), to: &dumped)
    #expect(!"\(dumped) \(file.accounts[0]) \(String(reflecting: file.accounts[0]))".contains("topsecret7"))
  }
}
