import ApusBase
import ApusBrokerCore
import ApusModel
import ApusNameServer
import ApusProtocol
import ApusRouteCore
import ApusSystem

extension FuzzTarget {
  private static let jsonWords = [
    "{", "}", "[", "]", ",", ":", "\"", "null", "true", "1e400", "-0", "0.1", "\\ud83d", "\\u0000",
    "{\"topic\":\"t\"}:",
    "/*", "*/", "//", "\"topicConfigTable\":", "\"dataVersion\":", "\"offsetTable\":", "\"table\":", "NaN",
    "9223372036854775808",
    "1L",
  ]

  /// Bodies of requests and answers, and the configuration files that are written like them.
  static let bodies: [FuzzTarget] = [
    FuzzTarget("json", words: jsonWords, BodyChecks.json),
    FuzzTarget("json-body", words: jsonWords, BodyChecks.body),
    FuzzTarget("configuration", words: jsonWords, BodyChecks.configuration),
    FuzzTarget("registration", shortRuns: 10_000, words: ["t 4 4 6 SINGLE_TAG", "{", "[]"], BodyChecks.registration),
  ]
}

/// JSON documents and what is made of them.
enum BodyChecks {
  /// Any document: what RFC 8259 allows is read and means the same, and what is read is written so that it reads the
  /// same.
  static func json(_ input: [UInt8]) throws(FuzzFinding) {
    let value = readable { try JSONParser.parse(input.rawSpan) }
    if let document = StrictJSON.parse(input) {
      let expected = strict(document)
      try require(value == expected, "the document means \(expected as Any), not \(value as Any)")
    }
    guard let value else { return }
    for style in [JSONStyle.fastjson, .pretty] {
      let again = readable { try JSONParser.parse(value.bytes(style).rawSpan) }
      try require(again == value, "\(value), written in the style \(style) and read again, is \(again as Any)")
    }
    let standard = value.bytes(.standard)
    try require(StrictJSON.parse(standard) != nil, "\(value), written for any parser, is no JSON")
  }

  /// What a document means; nil when it holds a number that is too large.
  private static func strict(_ value: StrictJSON.Value) -> JSONValue? {
    switch value.kind {
    case .null: return .null
    case .bool(let flag): return .bool(flag)
    case .string(let text): return .string(text)
    case .number(let text):
      if text.utf8.allSatisfy({ "-0123456789".utf8.contains($0) }), let number = Int64(text) { return .integer(number) }
      return Double(text).flatMap { $0.isFinite ? .number($0) : nil }
    case .array(let elements):
      var list: [JSONValue] = []
      for element in elements {
        guard let value = strict(element) else { return nil }
        list.append(value)
      }
      return .array(list)
    case .object(let members):
      var list: [JSONMember] = []
      for member in members {
        guard let value = strict(member.value) else { return nil }
        list.append(JSONMember(member.key, value))
      }
      return .object(list)
    }
  }

  private typealias Check = @Sendable (JSONValue) throws(FuzzFinding) -> Void

  /// A body of any kind: what is read of it is written so that it reads the same, in both styles.
  static func body(_ input: [UInt8]) throws(FuzzFinding) {
    guard let value = readable({ try JSONParser.parse(input.rawSpan) }) else { return }
    for check in bodyKinds { try check(value) }
  }

  private static let bodyKinds: [Check] = [
    stays(RegisterBrokerBody.self), stays(ClientConnection.self), stays(ProducerConnection.self),
    stays(ConsumerConnection.self), stays(BrokerData.self), stays(ConsumerOffsetTable.self),
    stays(SubscriptionData.self), stays(ConsumeStats.self), stays(ConsumeTimeSpans.self), stays(TopicStatsTable.self),
    stays(LockRequestBody.self), stays(LockResponseBody.self), stays(GroupList.self), stays(KVTable.self),
    stays(ConsumerIDList.self), stays(ResetOffsetBody.self), stays(ConsumerStatusBody.self), stays(QueueData.self),
    stays(SubscriptionGroupTable.self), stays(TopicTable.self), stays(CorrectionOffsets.self),
    stays(TopicRouteData.self), stays(ConsumeStatsList.self), stays(ConsumeQueueDump.self), stays(ClusterInfo.self),
    stays(BrokerStatsData.self), stays(TopicList.self), stays(ProducerTable.self), stays(ConsumerData.self),
    stays(HeartbeatData.self), stays(CheckClientConfig.self), stays(ConsumerRunningInfo.self),
    stays(DirectConsumption.self), stays(LocalOffsetTable.self),
  ]

  private static func stays<Body: JSONBody>(_ type: Body.Type) -> Check {
    { (value) throws(FuzzFinding) in
      guard let body = readable({ try Body(json: value) }) else { return }
      for style in [JSONStyle.fastjson, .standard] {
        let again = readable { try Body(bytes: body.bytes(style)) }
        try require(again == body, "\(body), written in the style \(style) and read again, is \(again as Any)")
      }
    }
  }

  /// The files of a broker and a name server.
  static func configuration(_ input: [UInt8]) throws(FuzzFinding) {
    guard let value = readable({ try JSONParser.parse(input.rawSpan) }) else { return }
    _ = readable { try StoredTopics(json: value) }
    _ = readable { try StoredSubscriptionGroups(json: value) }
    _ = readable { try StoredConsumerOffsets(json: value) }
    _ = readable { try StoredConsumerFilters(json: value) }
    try stays(value, { (json) throws(DecodeError) in try DelayOffsets(json: json) }, \.json)
    try stays(value, { (json) throws(DecodeError) in try KVConfig(json: json) }, \.json)
    try stays(value, { (json) throws(DecodeError) in try TopicConfig(json: json) }, \.json)
    try stays(value, { (json) throws(DecodeError) in try SubscriptionGroupConfig(json: json) }, \.json)
  }

  /// What is made of a document is written so that the same is made of it again.
  private static func stays<Content: Equatable>(
    _ document: JSONValue, _ read: (JSONValue) throws(DecodeError) -> Content, _ write: (Content) -> JSONValue
  ) throws(FuzzFinding) {
    guard let content = readable({ try read(document) }) else { return }
    let again = readable { try read(write(content)) }
    try require(again == content, "\(content), written and read again, is \(again as Any)")
  }

  private static let inflatedLimit = 1 << 20

  /// The body of a registration: as compressed bytes, and as what they are when they have been inflated.
  static func registration(_ input: [UInt8]) throws(FuzzFinding) {
    if let inflated = readable({ try Zlib.inflate(input.rawSpan, limit: inflatedLimit) }) {
      try require(inflated.count <= inflatedLimit, "\(inflated.count) bytes were inflated")
      try registration(inflated: inflated)
    }
    try registration(inflated: input)
    let again = readable { try Zlib.inflate(Zlib.deflate(input.rawSpan).rawSpan, limit: input.count) }
    try require(again == input, "bytes that were compressed are others when they are inflated")
  }

  private static func registration(inflated bytes: [UInt8]) throws(FuzzFinding) {
    guard let body = readable({ try RegisterBrokerBody(inflated: bytes.rawSpan) }) else { return }
    let again = readable { try RegisterBrokerBody(inflated: body.inflated.rawSpan) }
    try require(again == body, "\(body), written and read again, is \(again as Any)")
  }
}
