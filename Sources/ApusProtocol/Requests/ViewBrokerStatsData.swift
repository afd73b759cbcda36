/// 315 VIEW_BROKER_STATS_DATA: what the broker counted over the last minute, hour and day.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/ViewBrokerStatsDataRequestHeader.java
public enum ViewBrokerStatsData {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .viewBrokerStatsData }

    /// What was counted: `TOPIC_PUT_NUMS` and its like.
    public var statisticsName: String
    /// For what: a topic, `topic@group` or the cluster.
    public var statisticsKey: String

    /// Puts a request together.
    public init(statisticsName: String, statisticsKey: String) {
      self.statisticsName = statisticsName
      self.statisticsKey = statisticsKey
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      statisticsName = try request.text("statsName")
      statisticsKey = try request.text("statsKey")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      var list = FieldList()
      list.add("statsName", statisticsName)
      list.add("statsKey", statisticsKey)
      return list.fields
    }
  }

  /// The body of the answer: the numbers.
  public typealias Response = BrokerStatsData
}
