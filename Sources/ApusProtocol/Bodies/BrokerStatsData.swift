public import ApusBase

/// What a broker counted over the last minute, hour and day.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/body/BrokerStatsData.java
public struct BrokerStatsData: JSONBody {
  /// The growth over one span of time.
  public struct Item: Hashable, Sendable {
    /// How much was added.
    public var sum: Int64
    /// The same per second.
    public var perSecond: Double
    /// The same per message or request.
    public var average: Double

    /// Describes growth; none unless told.
    public init(sum: Int64 = 0, perSecond: Double = 0, average: Double = 0) {
      self.sum = sum
      self.perSecond = perSecond
      self.average = average
    }

    fileprivate init(_ json: JSONValue?) throws(DecodeError) {
      self.init(
        sum: try json?.int64("sum", default: 0) ?? 0, perSecond: json?["tps"]?.double ?? 0,
        average: json?["avgpt"]?.double ?? 0)
    }

    fileprivate var json: JSONValue {
      JSONValue(members: ["avgpt": .number(average), "sum": JSONValue(sum), "tps": .number(perSecond)])
    }
  }

  /// The last minute.
  public var minute: Item
  /// The last hour.
  public var hour: Item
  /// The last day.
  public var day: Item

  /// Describes growth.
  public init(minute: Item, hour: Item, day: Item) {
    self.minute = minute
    self.hour = hour
    self.day = day
  }

  /// Reads the JSON form.
  public init(json: JSONValue) throws(DecodeError) {
    self.init(
      minute: try Item(json["statsMinute"]), hour: try Item(json["statsHour"]), day: try Item(json["statsDay"]))
  }

  /// The JSON form.
  public var json: JSONValue {
    JSONValue(members: ["statsDay": day.json, "statsHour": hour.json, "statsMinute": minute.json])
  }
}
