package import ApusBase
import ApusClient
package import ApusModel
package import ApusProtocol

extension AdminClient {
  /// 15: commits an offset for a group.
  package func commit(
    _ offset: Int64, of queue: MessageQueue, for group: String, at broker: String
  ) async throws(AdminError) {
    try await ask(CommittedOffset(group: group, queue: queue, offset: offset), at: broker)
  }

  /// 30: the offset behind the newest message of a queue.
  package func maxOffset(of queue: MessageQueue, at broker: String) async throws(AdminError) -> Int64 {
    let answer = try await ask(GetMaxOffset.Request(topic: queue.topic, queueID: queue.queueID), at: broker)
    return try Self.fields(answer, from: broker, GetMaxOffset.Response.init).offset.rawValue
  }

  /// 31: the offset of the oldest message of a queue.
  package func minOffset(of queue: MessageQueue, at broker: String) async throws(AdminError) -> Int64 {
    let answer = try await ask(GetMinOffset.Request(topic: queue.topic, queueID: queue.queueID), at: broker)
    return try Self.fields(answer, from: broker, GetMinOffset.Response.init).offset.rawValue
  }

  /// 29: the offset of the first message of a queue that was stored at a time or later.
  package func offset(
    at time: WallTime, of queue: MessageQueue, at broker: String
  ) async throws(AdminError) -> Int64 {
    let request = SearchOffsetByTimestamp.Request(
      topic: queue.topic, queueID: queue.queueID, timestamp: time.milliseconds)
    let answer = try await ask(request, at: broker)
    return try Self.fields(answer, from: broker, SearchOffsetByTimestamp.Response.init).offset.rawValue
  }

  /// 222: has a broker tell the members of a group where to go on: what was stored at `time`, or the end for nil.
  /// Clients of C++ want to be told otherwise than those of Java.
  package func resetOffsets(
    of group: String, topic: String, to time: WallTime?, force: Bool, language: Language, at broker: String
  ) async throws(AdminError) -> QueueOffsets {
    let request = InvokeBrokerToResetOffset.Request(
      topic: topic, group: group, timestamp: time?.milliseconds ?? -1, isForce: force)
    let answer: Command
    do throws(ClientError) {
      answer = try await messages.ask(request, at: broker, as: language)
    } catch {
      throw AdminError(error)
    }
    return try Self.read(ResetOffsetBody.self, answer, from: broker).offsets
  }

  /// 314: has a broker copy the offsets of one group and topic to another group.
  package func cloneOffsets(
    from source: String, to target: String, topic: String, isOffline: Bool, at broker: String
  ) async throws(AdminError) {
    try await ask(
      CloneGroupOffset.Request(sourceGroup: source, targetGroup: target, topic: topic, isOffline: isOffline),
      at: broker)
  }

  /// 223: the offsets as the members of a group themselves have them.
  package func memberOffsets(
    of group: String, topic: String, clientID: String?, at broker: String
  ) async throws(AdminError) -> ConsumerStatusBody {
    let request = InvokeBrokerToGetConsumerStatus.Request(topic: topic, group: group, clientID: clientID)
    return try await ask(request, at: broker, timeout: .seconds(15), for: ConsumerStatusBody.self)
  }

  /// 321: units of a queue as they lie in its file.
  package func queueUnits(
    of queue: MessageQueue, from index: Int64, count: Int32, for group: String?, at broker: String
  ) async throws(AdminError) -> ConsumeQueueDump {
    let request = QueryConsumeQueue.Request(
      topic: queue.topic, queueID: queue.queueID, index: index, count: count, consumerGroup: group)
    let answer = try await ask(request, at: broker)
    guard !answer.body.isEmpty else { throw AdminError(answer.remark ?? "the broker has nothing there") }
    return try Self.read(ConsumeQueueDump.self, answer, from: broker)
  }
}

extension AdminSession {
  /// The masters of the broker groups that a topic lies on, to set offsets at: those that a replica is given are lost
  /// when its master comes back. A group without a master is named on standard error, and in `failure`, which whoever
  /// has done his work at the others throws afterwards.
  func masters(ofTopic topic: String) async throws(AdminError) -> (found: [String], failure: AdminError?) {
    let brokers = try await client.route(of: topic).brokers
    let missing = brokers.filter { $0.masterAddress == nil }.map(\.brokerName)
    return (brokers.compactMap(\.masterAddress), passOver(missing, without: "master"))
  }
}

/// 15 UPDATE_CONSUMER_OFFSET, as a tool asks it, waiting for the answer.
private struct CommittedOffset: OutgoingRequest {
  static var code: RequestCode { .updateConsumerOffset }

  let group: String
  let queue: MessageQueue
  let offset: Int64

  var fields: [ReplyField] {
    [
      ReplyField("consumerGroup", group), ReplyField("topic", queue.topic), ReplyField("queueId", queue.queueID),
      ReplyField("commitOffset", offset), ReplyField("bname", queue.brokerName),
    ]
  }
}
