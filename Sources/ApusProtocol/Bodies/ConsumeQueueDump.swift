public import ApusBase

/// Entries of a queue, and what a group would make of them.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/body/QueryConsumeQueueResponseBody.java
public struct ConsumeQueueDump: JSONBody {
  /// One entry.
  public struct Entry: Hashable, Sendable {
    /// Where the record lies in the log.
    public var offset: Int64
    /// The record's size.
    public var size: Int32
    /// The hash of the tags, when a delayed message is due, or the address of an extension unit.
    public var tagsCode: Int64
    /// The extension unit as a JSON text; nil without one.
    public var unit: String?
    /// The unit's bit map, the last bit first, a line for eight bytes; nil without one.
    public var bitMap: String?
    /// Whether the group may want the message, as the unit tells; false without a unit.
    public var isWanted = false
    /// What is wrong with the unit; nil for nothing.
    public var fault: String?

    /// Describes an entry.
    public init(offset: Int64, size: Int32, tagsCode: Int64) {
      self.offset = offset
      self.size = size
      self.tagsCode = tagsCode
    }

    fileprivate init(json: JSONValue) throws(DecodeError) {
      offset = try json.int64("physicOffset", default: 0)
      size = try json.int32("physicSize", default: 0)
      tagsCode = try json.int64("tagsCode", default: 0)
      unit = json["extendDataJson"]?.text
      bitMap = json["bitMap"]?.text
      isWanted = json.bool("eval", default: false)
      fault = json["msg"]?.text
    }

    fileprivate var json: JSONValue {
      var members = bitMap.map { [JSONMember("bitMap", .string($0))] } ?? []
      members.append(JSONMember("eval", .bool(isWanted)))
      if let unit { members.append(JSONMember("extendDataJson", .string(unit))) }
      if let fault { members.append(JSONMember("msg", .string(fault))) }
      members.append(JSONMember("physicOffset", JSONValue(offset)))
      members.append(JSONMember("physicSize", JSONValue(size)))
      members.append(JSONMember("tagsCode", JSONValue(tagsCode)))
      return .object(members)
    }
  }

  /// What the group subscribes to; nil when it does not.
  public var subscription: SubscriptionData?
  /// What is known of the group's filter; nil when no group was named.
  public var filter: String?
  /// The entries.
  public var entries: [Entry]
  /// One past the queue's last entry.
  public var maxIndex: Int64
  /// The queue's first entry.
  public var minIndex: Int64

  /// Describes entries.
  public init(
    subscription: SubscriptionData?, filter: String?, entries: [Entry], maxIndex: Int64, minIndex: Int64
  ) {
    self.subscription = subscription
    self.filter = filter
    self.entries = entries
    self.maxIndex = maxIndex
    self.minIndex = minIndex
  }

  /// Reads the JSON form.
  public init(json: JSONValue) throws(DecodeError) {
    if let member = json["subscriptionData"], !member.isNull { subscription = try SubscriptionData(json: member) }
    filter = json["filterData"]?.text
    entries = try json.list("queueData") { element throws(DecodeError) in try Entry(json: element) }
    maxIndex = try json.int64("maxQueueIndex", default: 0)
    minIndex = try json.int64("minQueueIndex", default: 0)
  }

  /// The JSON form. Java tells `eval` of entries with an extension unit only, and false of all others.
  public var json: JSONValue {
    let list = entries.map(\.json)
    return JSONValue(members: [
      "filterData": JSONValue(filter), "maxQueueIndex": JSONValue(maxIndex), "minQueueIndex": JSONValue(minIndex),
      "queueData": .array(list), "subscriptionData": subscription?.json ?? .null,
    ])
  }
}
