import ApusModel
import ApusProtocol

/// A queue as simulated clients name it.
struct SimulatedQueue: Hashable, CustomStringConvertible {
  var topic: String
  var id: Int32

  var description: String { "\(topic)/\(id)" }

  /// As the protocol names it.
  var messageQueue: MessageQueue { MessageQueue(topic: topic, brokerName: "sim-a", queueID: id) }

  /// The fields of a request about a group's offset in it.
  func fields(of group: String) -> [ReplyField] {
    [ReplyField("consumerGroup", group), ReplyField("topic", topic), ReplyField("queueId", Int64(id))]
  }

  /// The fields of a request that commits a group's offset in it.
  func fields(of group: String, commit offset: Int64) -> [ReplyField] {
    fields(of: group) + [ReplyField("commitOffset", offset)]
  }
}
