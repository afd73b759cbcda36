import ApusBase
import ApusModel
import ApusProtocol
import Testing
import ApusSigning

@testable import ApusAccess

@Suite struct AccessListTests {
  /// The accounts of the recorded session, as far as its answers tell.
  static let yaml = """
    globalWhiteRemoteAddresses:
    - 10.9.9.*
    accounts:
    - accessKey: fxadmin
      secretKey: adminpass1
      admin: true
    - accessKey: limited-admin
      secretKey: adminpass2
      admin: true
      topicPerms: [orders=PUB]
    - accessKey: fxuser01
      secretKey: userpass1
      whiteRemoteAddress: 10.8.8.8
      defaultTopicPerm: DENY
      defaultGroupPerm: DENY
      topicPerms:
      - FxAcl=PUB|SUB
      - FxSubOnly=SUB
      - FxPubOnly=PUB
      - "%RETRY%retried=SUB"
      - FxReply_REPLY_TOPIC=PUB
      groupPerms:
      - fx_acl_cg=SUB
      - fx_g_acl=PUB|SUB
      - fx_denied=DENY
    - accessKey: generous
      secretKey: generous1
      defaultTopicPerm: PUB|SUB
      defaultGroupPerm: SUB
      topicPerms: [closed=DENY]
    """

  let list: AccessList
  let user = Credentials(accessKey: "fxuser01", secretKey: "userpass1")
  let admin = Credentials(accessKey: "fxadmin", secretKey: "adminpass1")
  let generous = Credentials(accessKey: "generous", secretKey: "generous1")

  init() throws { list = try AccessList(yaml: Self.yaml) }

  // MARK: Who

  @Test func `a request without an account is refused in Java's words`() throws {
    let refusal = try list.refusal(.sendMessageV2, [("b", "FxAcl")], by: nil)
    #expect(refusal == Refusal(.systemError, aclException + "No accessKey is configured"))
  }

  @Test func `an account that no file has is refused`() throws {
    let stranger = Credentials(accessKey: "stranger", secretKey: "userpass1")
    let refusal = try list.refusal(.sendMessageV2, [("b", "FxAcl")], by: stranger)
    #expect(refusal?.remark == aclException + "No acl config for stranger")
  }

  @Test func `a wrong or missing signature is refused`() throws {
    let wrong = Credentials(accessKey: "fxuser01", secretKey: "userpass2")
    let expected = aclException + "Check signature failed for accessKey=fxuser01"
    #expect(try list.refusal(.sendMessageV2, [("b", "FxAcl")], by: wrong)?.remark == expected)
    #expect(try list.refusal(.sendMessageV2, [("b", "FxAcl"), ("AccessKey", "fxuser01")], by: nil)?.remark == expected)
  }

  @Test func `listed addresses need no signature and have no limits`() throws {
    let global = HostAddress(ipv4: 0x0A09_0907, port: 1)
    let own = HostAddress(ipv4: 0x0A08_0808, port: 1)
    #expect(try list.refusal(.updateBrokerConfig, [], by: nil, from: global) == nil)
    #expect(try list.refusal(.updateBrokerConfig, [("AccessKey", "fxuser01")], by: nil, from: own) == nil)
    #expect(try list.refusal(.updateBrokerConfig, [], by: nil, from: own)?.code == .systemError)
    #expect(
      try list.refusal(.updateBrokerConfig, [("AccessKey", "generous")], by: nil, from: own)?.code == .systemError)
  }

  @Test(arguments: [
    "0310-SEND_MESSAGE_V2", "0011-PULL_MESSAGE", "0034-HEART_BEAT", "0038-GET_CONSUMER_LIST_BY_GROUP",
    "0017-UPDATE_AND_CREATE_TOPIC",
  ])
  func `recorded requests are answered as Java answered them`(file: String) throws {
    let samples = try Fixture.samples("frames/\(file).txt")
    var checked = 0
    for sample in samples {
      let command = try Command(frame: sample.request.rawSpan)
      // The other account's secret is not recorded.
      guard command["AccessKey"] != "fxadmin" else { continue }
      let refusal = try list.refusal(sample.request)
      let recorded = sample.response?.remark.map { $0.split(separator: ", org.apache")[0] }
      if sample.response?.header.code == 0 || sample.response?.remark?.contains("AclException") != true {
        #expect(refusal == nil, "\(sample.title)")
      } else {
        #expect(refusal.map { "\($0.remark)" } == recorded.map { "\($0)" }, "\(sample.title)")
        #expect(refusal?.code == .systemError)
      }
      checked += 1
    }
    #expect(checked > 0)
  }

  // MARK: What

  struct Case: Sendable, CustomTestStringConvertible {
    var code: RequestCode
    var fields: [(String, String)]
    var body = ""
    var denied: String?
    var testDescription: String { "\(code.rawValue) \(fields)" }

    init(_ code: RequestCode, _ fields: [(String, String)], body: String = "", denied: String? = nil) {
      self.code = code
      self.fields = fields
      self.body = body
      self.denied = denied
    }
  }

  static let cases: [Case] = {
    let heartbeat = { (group: String, topic: String) in
      let data = HeartbeatData(
        clientID: "c", producerGroups: ["any"],
        consumers: [ConsumerData(group: group, subscriptions: [SubscriptionData(topic: topic, expression: "*")])])
      return String(decoding: data.bytes(), as: UTF8.self)
    }
    let locks = { (group: String, topic: String) in
      let queue = MessageQueue(topic: topic, brokerName: "b", queueID: 0)
      return String(
        decoding: LockRequestBody(group: group, clientID: "c", queues: [queue]).bytes(), as: UTF8.self)
    }
    let check = { (group: String, topic: String) in
      "{\"clientId\":\"c\",\"group\":\"\(group)\",\"subscriptionData\":{\"topic\":\"\(topic)\",\"subString\":\"*\"}}"
    }
    var cases: [Case] = [
      Case(.sendMessage, [("topic", "FxAcl")]), Case(.sendMessage, [("topic", "FxSubOnly")], denied: "topic:FxSubOnly"),
      Case(.sendMessage, [("b", "FxAcl"), ("topic", "Other")], denied: "topic:Other"),
      Case(.sendMessageV2, [("b", "Other"), ("topic", "FxAcl")], denied: "topic:Other"),
      Case(.sendBatchMessage, [("b", "FxPubOnly")]),
      Case(.sendBatchMessage, [("b", "FxSubOnly")], denied: "topic:FxSubOnly"),
      Case(.sendReplyMessage, [("topic", "FxReply_REPLY_TOPIC")]),
      Case(.sendReplyMessageV2, [("b", "FxSubOnly")], denied: "topic:FxSubOnly"),
      Case(.sendMessageV2, [("b", "RMQ_SYS_TRACE_TOPIC")]), Case(.sendMessage, [("topic", "RMQ_SYS_TRACE_TOPIC")]),
      Case(.pullMessage, [("topic", "RMQ_SYS_TRACE_TOPIC")], denied: "topic:RMQ_SYS_TRACE_TOPIC"),
      // A retry topic is its group's, whoever the producer says it is.
      Case(.sendMessageV2, [("a", "fx_acl_cg"), ("b", "%RETRY%fx_acl_cg")]),
      Case(.sendMessageV2, [("a", "CLIENT_INNER_PRODUCER"), ("b", "%RETRY%fx_acl_cg")]),
      Case(.sendMessageV2, [("a", "fx_acl_cg"), ("b", "%RETRY%others")], denied: "group:others"),
      Case(.pullMessage, [("topic", "%RETRY%fx_acl_cg"), ("consumerGroup", "fx_acl_cg")]),
      Case(.pullMessage, [("topic", "%RETRY%others"), ("consumerGroup", "fx_acl_cg")], denied: "group:others"),
      Case(.pullMessage, [("topic", "%RETRY%retried"), ("consumerGroup", "retried")]),
      Case(.sendMessageV2, [("b", "%DLQ%fx_acl_cg")], denied: "topic:%DLQ%fx_acl_cg"),
      Case(.pullMessage, [("topic", "FxAcl"), ("consumerGroup", "fx_denied")], denied: "group:fx_denied"),
      Case(.pullMessage, [("topic", "FxPubOnly"), ("consumerGroup", "fx_acl_cg")], denied: "topic:FxPubOnly"),
      Case(.unregisterClient, [("clientID", "c"), ("producerGroup", "any")]),
      Case(.unregisterClient, [("consumerGroup", "others")], denied: "group:others"),
      Case(.getConsumerListByGroup, [("consumerGroup", "others")], denied: "group:others"),
      Case(.consumerSendMessageBack, [("group", "fx_acl_cg")]),
      Case(.consumerSendMessageBack, [("group", "others")], denied: "group:others"),
      Case(.getConsumeStats, [("consumerGroup", "fx_acl_cg")]),
      Case(.getConsumeStats, [("consumerGroup", "fx_acl_cg"), ("topic", "Other")], denied: "topic:Other"),
      Case(.queryMessage, [("topic", "FxPubOnly")], denied: "topic:FxPubOnly"),
      Case(.viewMessageByID, []), Case(.endTransaction, []), Case(.getBrokerRuntimeInfo, []),
      Case(.heartbeat, [], body: heartbeat("fx_acl_cg", "FxAcl")),
      Case(.heartbeat, [], body: heartbeat("fx_acl_cg", "%RETRY%fx_acl_cg")),
      Case(.heartbeat, [], body: heartbeat("others", "FxAcl"), denied: "group:others"),
      Case(.heartbeat, [], body: heartbeat("fx_acl_cg", "FxPubOnly"), denied: "topic:FxPubOnly"),
      Case(.checkClientConfig, [], body: check("fx_acl_cg", "FxSubOnly")),
      Case(.checkClientConfig, [], body: check("others", "FxSubOnly"), denied: "group:others"),
      Case(.checkClientConfig, [], body: check("fx_acl_cg", "Other"), denied: "topic:Other"),
    ]
    for code in [RequestCode.lockBatchMessageQueue, .unlockBatchMessageQueue] {
      cases.append(Case(code, [], body: locks("fx_acl_cg", "FxAcl")))
      cases.append(Case(code, [], body: locks("others", "FxAcl"), denied: "group:others"))
      cases.append(Case(code, [], body: locks("fx_acl_cg", "FxPubOnly"), denied: "topic:FxPubOnly"))
    }
    for code in [RequestCode.queryConsumerOffset, .updateConsumerOffset, .queryConsumeQueue] {
      cases.append(Case(code, [("topic", "FxAcl"), ("consumerGroup", "fx_acl_cg")]))
      cases.append(Case(code, [("topic", "Other"), ("consumerGroup", "fx_acl_cg")], denied: "topic:Other"))
      cases.append(Case(code, [("topic", "FxAcl"), ("consumerGroup", "others")], denied: "group:others"))
    }
    for code in [RequestCode.getMaxOffset, .getMinOffset, .searchOffsetByTimestamp, .getEarliestMessageStoreTime] {
      cases.append(Case(code, [("topic", "FxPubOnly")]))
      cases.append(Case(code, [("topic", "FxSubOnly")]))
      cases.append(Case(code, [("topic", "Other")], denied: "topic:Other"))
    }
    return cases
  }()

  @Test(arguments: cases, [HeaderType.json, .binary])
  func `a code needs what its row says`(one: Case, type: HeaderType) throws {
    let body = Array(one.body.utf8)
    let refusal = try list.refusal(one.code, one.fields, body: body, by: user, type: type)
    #expect(refusal?.remark == one.denied.map { aclException + "No default permission for " + $0 })
    #expect(try list.refusal(one.code, one.fields, body: body, by: admin, type: type) == nil)
  }

  @Test func `codes that administer need an account that administers`() throws {
    for (code, rule) in AccessRule.table where rule == .admin {
      let expected = "Need admin permission for request code=\(code.rawValue), but accessKey=fxuser01 is not"
      #expect(try list.refusal(code, [], by: user)?.remark == aclException + expected)
      #expect(try list.refusal(code, [], by: admin) == nil)
    }
  }

  @Test(arguments: [-1, 0, 5, 54, 331, 361, 200_050, Int32.max, .min])
  func `a code that the table does not know needs an account that administers`(code: Int32) throws {
    #expect(try list.refusal(RequestCode(code), [], by: user)?.remark.contains("Need admin permission") == true)
    #expect(try list.refusal(RequestCode(code), [], by: admin) == nil)
  }

  @Test func `an account that administers and lists resources is held to them`() throws {
    let limited = Credentials(accessKey: "limited-admin", secretKey: "adminpass2")
    #expect(try list.refusal(.updateBrokerConfig, [], by: limited) == nil)
    #expect(try list.refusal(.sendMessageV2, [("b", "orders")], by: limited) == nil)
    #expect(try list.refusal(.sendMessageV2, [("b", "FxAcl")], by: limited)?.remark.hasSuffix("topic:FxAcl") == true)
  }

  @Test func `defaults count for what is not listed`() throws {
    #expect(try list.refusal(.sendMessageV2, [("b", "whatever")], by: generous) == nil)
    #expect(try list.refusal(.sendMessageV2, [("b", "closed")], by: generous)?.remark.hasSuffix("topic:closed") == true)
    #expect(try list.refusal(.getConsumerListByGroup, [("consumerGroup", "whatever")], by: generous) == nil)
  }

  @Test(arguments: [
    "SCHEDULE_TOPIC_XXXX", "rmq_sys_wheel_timer", "RMQ_SYS_TRANS_HALF_TOPIC", "TRANS_CHECK_MAX_TIME_TOPIC",
  ])
  func `defaults do not count where messages of all topics wait`(topic: String) throws {
    let pull = [("topic", topic), ("consumerGroup", "g")]
    #expect(try list.refusal(.pullMessage, pull, by: generous)?.remark.hasSuffix("topic:\(topic)") == true)
    #expect(try list.refusal(.queryMessage, [("topic", topic)], by: generous) != nil)
    #expect(try list.refusal(.pullMessage, pull, by: admin) == nil)
    let listing = try AccessList(yaml: Self.yaml.replacing("[closed=DENY]", with: "[\(topic)=SUB]"))
    #expect(try listing.refusal(.pullMessage, pull, by: generous) == nil)
  }

  @Test(arguments: ["", "{", "[]", "{\"clientID\":\"c\",\"consumerDataSet\":7}"])
  func `a body that names groups and cannot be read is not let through`(body: String) throws {
    let refusal = try list.refusal(.heartbeat, [], body: Array(body.utf8), by: user)
    #expect(refusal?.remark.hasPrefix("the body cannot be read") == true)
  }

  @Test func `of an account in two files the first one's counts, and the other is told of`() throws {
    let first = try AccessFile(path: "/conf/acl/a.yml", bytes: Array(Self.yaml.utf8))
    let text = "accounts:\n- accessKey: fxuser01\n  secretKey: another1\n- accessKey: another1\n  secretKey: another1\n"
    let second = try AccessFile(path: "/conf/plain_acl.yml", bytes: Array(text.utf8))
    let both = AccessList([first, second])
    #expect(both.count == 5)
    #expect(both.warnings == ["account fxuser01 of /conf/plain_acl.yml:2 has no effect: it is in /conf/acl/a.yml:11"])
    #expect(try both.refusal(.sendMessageV2, [("b", "FxAcl")], by: user) == nil)
  }

  @Test func `a grant is asked for what a handler finds`() throws {
    var decoder = RequestDecoder()
    var content = SignedContent()
    let frame = AccessList.frame(.viewMessageByID, user.signed([]))
    let request = try decoder.decode(frame: frame.rawSpan)
    let grant = try list.check(request, from: HostAddress(ipv4: 1, port: 1), &content)
    #expect(grant.accessKey == "fxuser01")
    try grant.requires(.subscribe, topic: Array("FxSubOnly".utf8).rawSpan)
    #expect(throws: Refusal.self) { try grant.requires(.subscribe, topic: Array("FxPubOnly".utf8).rawSpan) }
    #expect(throws: Refusal.self) { try grant.requires(.subscribe, topic: Array("%RETRY%others".utf8).rawSpan) }
    try AccessGrant.unlimited.requires(.subscribe, topic: Array("%RETRY%others".utf8).rawSpan)
  }
}
