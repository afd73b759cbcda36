import ApusAccess
import ApusBase
import ApusModel
import ApusProtocol
import ApusSystem
import Foundation
import Testing
import ApusSigning

@testable import ApusBroker

@Suite(.timeLimit(.minutes(10))) struct AccessControlTests {
  static let exception = "org.apache.rocketmq.acl.common.AclException: "
  let body = Array("text".utf8)

  // MARK: Requests

  @Test(arguments: [HeaderType.json, .binary])
  func `signed requests are served, others refused in Java's words, on both ports`(type: HeaderType) throws {
    let directory = try AccessDirectory()
    let broker = try directory.served()
    for port in [broker.port, broker.secondPort] {
      let client = try RawClient(port: port)
      let sent = try client.ask(.sendMessageV2, Fields.send(to: "FxAcl"), body: body, by: .user, type: type)
      #expect(sent.responseCode == .success, "\(sent.remark ?? "")")
      let unsigned = try client.ask(.sendMessageV2, Fields.send(to: "FxAcl"), body: body, type: type)
      #expect(unsigned.responseCode == .systemError)
      #expect(unsigned.remark == Self.exception + "No accessKey is configured")
      let forged = Credentials(accessKey: "fxuser01", secretKey: "guessed-secret")
      let refused = try client.ask(.sendMessageV2, Fields.send(to: "FxAcl"), body: body, by: forged, type: type)
      #expect(refused.remark == Self.exception + "Check signature failed for accessKey=fxuser01")
      let denied = try client.ask(.sendMessageV2, Fields.send(to: "Other"), body: body, by: .user, type: type)
      #expect(denied.remark == Self.exception + "No default permission for topic:Other")
      let admin = try client.ask(.getBrokerConfig, by: .user, type: type)
      #expect(
        admin.remark == Self.exception + "Need admin permission for request code=26, but accessKey=fxuser01 is not")
      #expect(try client.ask(.getBrokerConfig, by: .admin, type: type).responseCode == .success)
      let unknown = try client.ask(RequestCode(4711), by: .admin, type: type)
      #expect(unknown.responseCode == .requestCodeNotSupported)
      #expect(try client.ask(RequestCode(4711), type: type).responseCode == .systemError)
    }
    let client = try RawClient(port: broker.port)
    let pulled = try client.ask(.pullMessage, Fields.pull("FxAcl", at: 0), by: .user, type: type)
    #expect(pulled.responseCode != .systemError, "\(pulled.remark ?? "")")
    let other = try client.ask(.pullMessage, Fields.pull("FxAcl", at: 0, group: "others"), by: .user, type: type)
    #expect(other.remark == Self.exception + "No default permission for group:others")
    broker.stop()
  }

  @Test func `a oneway request that is refused is neither answered nor done`() throws {
    let directory = try AccessDirectory()
    let broker = try directory.served()
    let client = try RawClient(port: broker.port)
    _ = try client.ask(.sendMessageV2, Fields.send(to: "FxAcl"), body: body, by: .user)
    client.send(.sendMessageV2, Fields.send(to: "FxAcl"), body: body, oneway: true)
    client.send(.sendMessageV2, Credentials.user.signed(Fields.send(to: "Other"), body: body), body: body, oneway: true)
    // The next answer is the next request's: the others got none.
    let end = try client.ask(.getMaxOffset, Fields.queue("FxAcl"), by: .user)
    #expect(end["offset"] == "1")
    #expect(try client.ask(.getMaxOffset, Fields.queue("Other"), by: .admin)["offset"] != "1")
    broker.stop()
  }

  @Test func `every code that the broker answers has a rule of its own`() throws {
    let directory = try AccessDirectory()
    let files = try AccessFiles(directory: directory.path, now: SystemClock.wall(), log: Logger(level: .error))
    let broker = try BrokerUnderTest()
    var table = broker.handlers
    let identity = BrokerIdentity(
      name: "b", cluster: "c", region: "r", id: 0, storeHost: .loopback(port: 1), address: "127.0.0.1:1")
    table.add(files, identity: identity, log: Logger(level: .error))
    let inPlace: Set<RequestCode> = [
      .sendMessage, .sendMessageV2, .sendBatchMessage, .sendReplyMessage, .sendReplyMessageV2, .pullMessage,
      .consumerSendMessageBack, .updateConsumerOffset, .queryConsumerOffset, .endTransaction, .resumeCheckHalfMessage,
    ]
    for code in table.codes.union(inPlace) { #expect(AccessRule.table[code] != nil, "\(code.rawValue)") }
    for code in AdministeringCodes.broker.codes { #expect(AccessRule.table[code] == .admin, "\(code.rawValue)") }
  }

  @Test func `the documentation lists the rule of every code`() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let text = String(decoding: try Data(contentsOf: root.appending(path: "docs/compatibility.md")), as: UTF8.self)
    let heading = try #require(text.range(of: "## Access control"))
    var listed: [Int32: String] = [:]
    for line in text[heading.upperBound...].split(separator: "\n") where line.hasPrefix("| ") {
      let columns = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      guard columns.count == 2 else { continue }
      for code in columns[0].split(separator: ",") {
        if let number = Int32(code.trimmingCharacters(in: .whitespaces)) { listed[number] = columns[1] }
      }
    }
    for (code, rule) in AccessRule.table {
      #expect(listed[code.rawValue] == rule.documented, "\(code.rawValue): \(rule.documented)")
    }
    #expect(listed.count == AccessRule.table.count)
  }

  // MARK: What lies in messages

  @Test func `a message is shown to those who may read its topic`() throws {
    let directory = try AccessDirectory()
    let broker = try directory.served()
    let client = try RawClient(port: broker.port)
    let own = try client.ask(.sendMessageV2, Fields.send(to: "FxAcl"), body: body, by: .user)
    let other = try client.ask(.sendMessageV2, Fields.send(to: "FxPubOnly"), body: body, by: .user)
    let delayed = try client.ask(
      .sendMessageV2, Fields.send(to: "FxPubOnly", properties: "DELAY\u{1}18\u{2}"), body: body, by: .user)
    #expect(try view(own, client, by: .user).responseCode == .success)
    for answer in [other, delayed] {
      let refused = try view(answer, client, by: .user)
      #expect(refused.remark == Self.exception + "No default permission for topic:FxPubOnly")
      #expect(refused.body.isEmpty)
      #expect(try view(answer, client, by: .admin).responseCode == .success)
      // Nor can it be had by giving it back for another try.
      let back = [
        ReplyField("group", "cg"), ReplyField("offset", try offset(of: answer)), ReplyField("delayLevel", 1),
      ]
      let given = try client.ask(.consumerSendMessageBack, back, by: .user)
      #expect(given.remark == Self.exception + "No default permission for topic:FxPubOnly")
    }
    let back = [ReplyField("group", "cg"), ReplyField("offset", try offset(of: own)), ReplyField("delayLevel", 1)]
    #expect(try client.ask(.consumerSendMessageBack, back, by: .user).responseCode == .success)
    broker.stop()
  }

  private func offset(of answer: Command) throws -> Int64 {
    try MessageID(try #require(answer["msgId"])).offset.rawValue
  }

  private func view(_ answer: Command, _ client: RawClient, by credentials: Credentials) throws -> Command {
    try client.ask(.viewMessageByID, [ReplyField("offset", try offset(of: answer))], by: credentials)
  }

  @Test func `a transaction is ended by those who may send to its topic`() throws {
    let directory = try AccessDirectory()
    let broker = try directory.served()
    let client = try RawClient(port: broker.port)
    let properties = "TRAN_MSG\u{1}true\u{2}PGROUP\u{1}pg\u{2}UNIQ_KEY\u{1}K1\u{2}"
    let fields = Fields.send(to: "Secret", properties: properties, sysFlag: 4)
    let half = try client.ask(.sendMessageV2, fields, body: body, by: .admin)
    #expect(half.responseCode == .success, "\(half.remark ?? "")")
    let end = [
      ReplyField("producerGroup", "pg"), ReplyField("tranStateTableOffset", half["queueOffset"] ?? ""),
      ReplyField("commitLogOffset", try offset(of: half)), ReplyField("commitOrRollback", 8),
      ReplyField("msgId", "K1"), ReplyField("transactionId", "K1"),
    ]
    let refused = try client.ask(.endTransaction, end, by: .user)
    #expect(refused.remark == Self.exception + "No default permission for topic:Secret")
    #expect(try client.ask(.endTransaction, end, by: .admin).responseCode == .success)
    broker.stop()
  }

  // MARK: Off

  @Test func `half messages are shown to those of their producers who may send to the topic`() throws {
    let stranger = Credentials(accessKey: "fxstranger", secretKey: "strangersecret1")
    let accounts = AccessDirectory.usual + "\n- accessKey: fxstranger\n  secretKey: strangersecret1\n"
    let directory = try AccessDirectory(["plain_acl.yml": accounts])
    let broker = try directory.served(TransactionTests.eager)
    let (producer, other) = (try broker.client(), try broker.client())
    for (client, credentials) in [(other, stranger), (producer, Credentials.user)] {
      let heartbeat = HeartbeatData(clientID: credentials.accessKey, producerGroups: ["pg"]).bytes()
      let fields = credentials.signed([], body: heartbeat)
      #expect(try client.ask(.heartbeat, fields, body: heartbeat).responseCode == .success)
    }
    let half = Fields.send(to: "FxAcl", properties: TransactionTests.properties("one"), sysFlag: 4)
    let sent = try producer.ask(.sendMessageV2, Credentials.user.signed(half, body: body), body: body)
    #expect(sent.responseCode == .success)
    // They are asked in turn: the other one would have been by now.
    try Patience.wait { producer.count(.checkTransactionState) >= 8 }
    #expect(other.count(.checkTransactionState) == 0)
    broker.stop()
  }

  @Test func `without aclEnable nothing is checked and the files need not be there`() throws {
    let broker = try ServedBroker([("aclConfigDir", "/nowhere")])
    let client = try RawClient(port: broker.port)
    #expect(try client.ask(.sendMessageV2, Fields.send(to: "Any"), body: body).responseCode == .success)
    #expect(
      try client.ask(.getBrokerClusterACLInfo).remark
        == " request type 52 not supported: this broker does not offer access control: aclEnable is not set")
    broker.stop()
  }

  @Test func `with aclEnable the broker does not start without files that can be used`() throws {
    #expect(throws: BrokerError.self) { try ServedBroker([("aclEnable", "true"), ("aclConfigDir", "/nowhere")]) }
    #expect(throws: SettingError.self) { try ServedBroker([("aclEnable", "true")]) }
    let bad = try AccessDirectory(["acl/bad.yml": "accounts: text\n", "plain_acl.yml": AccessDirectory.usual])
    do {
      _ = try bad.served()
      Issue.record("it started")
    } catch let error as BrokerError {
      #expect("\(error)".hasSuffix("\(bad.path)/acl/bad.yml:1: accounts must be a list"))
    }
  }

  @Test func `rocketmqHome says where the files are, unless aclConfigDir does`() throws {
    let machine = BrokerSettings.Machine(
      cores: 2, hostName: "h", address: "127.0.0.1", storeRoot: "/store", rocketmqHome: "/opt/rocketmq")
    let settings = { (entries: [(String, String)]) in
      try BrokerSettings(
        PropertiesFile(entries.map { PropertiesFile.Entry($0.0, $0.1) }), machine: machine,
        now: WallTime(milliseconds: 1)
      ).process.accessDirectory
    }
    #expect(try settings([]) == nil)
    #expect(try settings([("aclEnable", "true")]) == "/opt/rocketmq/conf")
    #expect(try settings([("aclEnable", "true"), ("aclConfigDir", "/etc/apus")]) == "/etc/apus")
  }
}

extension AccessRule {
  /// As docs/compatibility.md says it.
  var documented: String {
    switch self {
    case .signed: return "valid signature"
    case .admin: return "admin"
    case .heartbeat: return "SUB for the groups and topics of its consumers"
    case .queueLocks: return "SUB for the group and the queues' topics"
    case .clientCheck: return "SUB for the group and the topic in the body"
    case .resources(let needs): return needs.map(\.documented).joined(separator: ", ")
    case .storedMessage(let permission, let needs):
      return (needs.map(\.documented) + ["\(permission) for the topic of the stored message"]).joined(separator: ", ")
    }
  }
}

extension AccessNeed {
  fileprivate var documented: String {
    "\(permission == .any ? "PUB or SUB" : "\(permission)") for \(resource) `\(field)`"
  }
}
