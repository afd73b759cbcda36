public import ApusBase
import ApusModel

/// What a broker tells a name server about itself.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/body/RegisterBrokerBody.java
public struct RegisterBrokerBody: JSONBody {
  /// Brokers of an older version send a bare ``TopicTable`` instead: V3_0_11.
  public static let firstVersion: Int32 = 37

  /// The broker's topics.
  public var topics: TopicTable
  /// The relic filter servers.
  public var filterServers: [String]

  /// Describes a broker.
  public init(topics: TopicTable, filterServers: [String] = []) {
    self.topics = topics
    self.filterServers = filterServers
  }

  /// Reads the JSON form.
  public init(json: JSONValue) throws(DecodeError) {
    topics = try TopicTable(json: json["topicConfigSerializeWrapper"] ?? .null)
    filterServers = json["filterServerList"]?.texts ?? []
  }

  /// The JSON form.
  public var json: JSONValue {
    JSONValue(members: ["filterServerList": JSONValue(filterServers), "topicConfigSerializeWrapper": topics.json])
  }
}

/// The form that is deflated when the header field `compressed` is true. Unit flags and the order flag of topics are
/// lost in it.
///
/// | Bytes | Type | Meaning |
/// |---|---|---|
/// | 4 + n | i32, JSON | ``DataVersion`` |
/// | 4 | i32 | how many topics follow |
/// | 4 + n, … | i32, text | `name readQueues writeQueues permission filter` of each, single spaces |
/// | 4 + n | i32, JSON | list of filter servers |
extension RegisterBrokerBody {
  /// Reads the inflated bytes.
  public init(inflated bytes: RawSpan) throws(DecodeError) {
    var reader = ByteReader(bytes)
    let versionLength = Int(try reader.read(Int32.self, "data version length"))
    let version = try DataVersion(json: try JSONParser.parse(try reader.read(count: versionLength, "data version")))
    let count = try reader.read(Int32.self, "topic count")
    guard count >= 0, Int(count) <= reader.remaining / 4 else {
      throw DecodeError(field: "topic count", offset: reader.offset - 4, reason: "\(count) do not fit")
    }
    var topics: [TopicConfig] = []
    topics.reserveCapacity(Int(count))
    for _ in 0..<count {
      let length = Int(try reader.read(Int32.self, "topic length"))
      let start = reader.offset
      topics.append(try Self.topic(try reader.read(count: length, "topic").text, at: start))
    }
    let filterLength = Int(try reader.read(Int32.self, "filter server length"))
    let filters = try JSONParser.parse(try reader.read(count: filterLength, "filter servers"))
    self.init(topics: TopicTable(version: version, topics: topics), filterServers: filters.texts ?? [])
  }

  /// The bytes to deflate.
  public var inflated: [UInt8] {
    var writer = ByteWriter(capacity: 64 * (topics.topics.count + 2))
    Self.write(topics.version.json.text(), into: &writer)
    writer.write(Int32(clamping: topics.topics.count))
    for topic in topics.topics {
      let queues = "\(topic.readQueueCount) \(topic.writeQueueCount)"
      Self.write("\(topic.name) \(queues) \(topic.permission.rawValue) \(topic.filter.name)", into: &writer)
    }
    Self.write(JSONValue(filterServers).text(), into: &writer)
    return writer.array
  }

  private static func topic(_ text: String, at offset: Int) throws(DecodeError) -> TopicConfig {
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 5, let read = Int32(words[1]), let write = Int32(words[2]), let permission = Int32(words[3]),
      let filter = TopicFilter(name: String(words[4]))
    else { throw DecodeError(field: "topic", offset: offset, reason: "not `name read write permission filter`") }
    return TopicConfig(
      name: String(words[0]), readQueueCount: read, writeQueueCount: write,
      permission: Permission(rawValue: permission),
      filter: filter)
  }

  private static func write(_ text: String, into writer: inout ByteWriter) { writer.writeCounted32(text) }
}
