import ApusBase
import ApusBrokerCore
import ApusModel
package import ApusProtocol
import ApusSystem

/// Code 222: lets the consumers of a group go on elsewhere in a topic: at the messages stored at a moment, or at the
/// end. Without `isForce` nobody is moved forward. The consumers are told (code 220) and commit the offsets themselves;
/// the broker's own table stays as it is.
///
/// Source:
/// apache/rocketmq@rocketmq-all-4.9.8:broker/src/main/java/org/apache/rocketmq/broker/client/net/Broker2Client.java.
/// Deviation: the form that a consumer gets follows the consumer's own language as well as the asking client's, so that
/// C++ consumers understand tools written in Java.
package struct InvokeBrokerToResetOffsetHandler: RelayingHandler {
  private let tables: BrokerTables
  private let messages: any StoredMessages
  private let broker: String

  /// Takes its parts.
  package init(tables: BrokerTables, messages: any StoredMessages) {
    self.tables = tables
    self.messages = messages
    broker = tables.settings.withLock { $0.identity.broker }
  }

  /// Tells the consumers and answers with where they go on.
  package func plan(_ request: Command, from requester: Requester) throws(Refusal) -> Relay {
    let topic = try request.text("topic")
    let group = try request.text("group")
    let timestamp: Int64 = try request.number("timestamp")
    guard let found = tables.topics.withLock({ $0.find(topic) }) else {
      throw Refusal(
        .systemError, "[reset-offset] reset offset failed, no topic in this broker. topic=\(topic)")
    }
    let offsets: QueueOffsets
    do throws(DiskError) {
      offsets = try self.offsets(found, group, timestamp, isForced: request.flag("isForce"))
    } catch {
      throw Refusals.disk(error)
    }
    guard offsets.entries.count == max(found.config.writeQueueCount, 0) else {
      throw Refusal(.systemError, "THe consumer group <\(group)> not exist")
    }
    let members = tables.clients.withLock { clients in
      (clients.consumers(of: group) ?? []).compactMap { number in
        clients.client(on: number).map { (connection: number, language: $0.language) }
      }
    }
    guard !members.isEmpty else {
      throw Refusal(
        .consumerNotOnline,
        "Consumer not online, so can not reset offset, Group: \(group) Topic: \(topic) Timestamp: \(timestamp)")
    }
    let body = ResetOffsetBody(offsets)
    let notices = members.map { member in
      let asList = member.language == .cpp || request.header.language == .cpp
      let reset = ResetConsumerClientOffset.Request(
        topic: topic, group: group, timestamp: timestamp,
        body: asList ? body.listJSON.bytes(.fastjson) : body.bytes())
      return ClientCall(
        connection: member.connection, code: .resetConsumerClientOffset, fields: reset.fields, body: reset.body)
    }
    return Relay(telling: notices, reply: Reply(remark: "not set any response code", body: body.bytes()))
  }

  /// Where the group goes on in the topic's write queues; ends at the first queue in which it has no offset.
  private func offsets(
    _ topic: Topic, _ group: String, _ timestamp: Int64, isForced: Bool
  ) throws(DiskError) -> QueueOffsets {
    let committed = tables.offsets.withLock { $0.offsets(topic: topic.name, group: group) }
    var entries: [QueueOffsets.Entry] = []
    for queue in 0..<max(topic.config.writeQueueCount, 0) {
      guard let current = committed[queue] else { break }
      var target: Int64
      if timestamp == -1 {
        target = try messages.bounds(topic: topic.name, queue: queue)?.max.rawValue ?? 0
      } else {
        let moment = WallTime(milliseconds: timestamp)
        target = try messages.offset(topic: topic.name, queue: queue, closestTo: moment).rawValue
      }
      if !isForced { target = min(target, current) }
      entries.append(
        QueueOffsets.Entry(MessageQueue(topic: topic.name, brokerName: broker, queueID: queue), max(target, 0)))
    }
    return QueueOffsets(entries)
  }
}
