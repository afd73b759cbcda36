public import ApusBase

/// The members of a consumer group, for their share of its queues.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/GetConsumerListByGroupResponseBody.java
public struct ConsumerIDList: JSONBody {
  /// The clients' ids.
  public var clientIDs: [String]

  /// Lists ids.
  public init(_ clientIDs: [String]) { self.clientIDs = clientIDs }

  /// Reads the JSON form.
  public init(json: JSONValue) throws(DecodeError) { clientIDs = json["consumerIdList"]?.texts ?? [] }

  /// The JSON form.
  public var json: JSONValue { JSONValue(members: ["consumerIdList": JSONValue(clientIDs)]) }
}
