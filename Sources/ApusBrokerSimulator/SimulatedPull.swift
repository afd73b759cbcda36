import ApusBase
import ApusProtocol
import ApusSimulator

/// A pull of a simulated client, which does not wait when there is nothing.
struct SimulatedPull {
  var group: String
  var queue: SimulatedQueue
  /// From which queue offset on.
  var from: Int64
  /// How many messages at most.
  var limit: Int64
  /// The group's offset to store; nil for none.
  var commit: Int64?

  var fields: [ReplyField] {
    queue.fields(of: group) + [
      ReplyField("queueOffset", from), ReplyField("maxMsgNums", limit), ReplyField("sysFlag", commit == nil ? 4 : 5),
      ReplyField("commitOffset", commit ?? 0), ReplyField("suspendTimeoutMillis", 0), ReplyField("subscription", "*"),
      ReplyField("subVersion", 1), ReplyField("expressionType", "TAG"),
    ]
  }
}

extension SimulatedWorld {
  /// The records that a pull brought; nil, and a failure, when they are not what was sent to that queue, in its order.
  func records(of pull: SimulatedPull, _ bytes: [UInt8]) -> [ScannedLog.Record]? {
    let queue = pull.queue
    guard let records = ScannedLog.records(in: bytes), !records.isEmpty else {
      fail("a pull from \(queue) at \(pull.from) brings bytes that are no records")
      return nil
    }
    var least = pull.from
    for record in records {
      guard let key = record.key, let message = known[key], message.body == record.body,
        record.topic == queue.topic, record.queueID == queue.id, record.queueOffset >= least
      else {
        fail("a pull from \(queue) at \(pull.from) brings what nobody sent there")
        return nil
      }
      least = record.queueOffset + 1
    }
    return records
  }
}
