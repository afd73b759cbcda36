import ApusBase
package import ApusBrokerCore
import ApusModel
package import ApusProtocol
import ApusStoreCore
package import ApusSystem

/// Code 321: the entries of a queue, and what a group subscribes to in it.
package struct QueryConsumeQueueHandler: RequestHandler {
  /// How many entries one answer has at most; each takes about 80 bytes of it.
  package static let limit = 4096

  private let topics: Locked<Topics>
  private let clients: Locked<ClientTable>
  private let filters: Locked<ConsumerFilters>
  private let messages: any StoredMessages

  /// Takes its parts.
  package init(
    topics: Locked<Topics>, clients: Locked<ClientTable>, filters: Locked<ConsumerFilters>,
    messages: any StoredMessages
  ) {
    self.topics = topics
    self.clients = clients
    self.filters = filters
    self.messages = messages
  }

  /// Answers; an entry that is not there is a success without a body, as from a Java broker.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let topic = try request.text("topic")
    let queue: Int32 = try request.number("queueId")
    let index: Int64 = try request.number("index")
    let count: Int32 = try request.number("count")
    guard topics.withLock({ $0.find(topic) }) != nil, let bounds = try bounds(topic, queue) else {
      throw Refusal(.systemError, "\(queue)@\(topic) is not exist!")
    }
    let (subscription, filter, entryFilter) = wish(of: request["consumerGroup"], topic)
    let entries: [ConsumeQueueDump.Entry]
    do throws(DiskError) {
      let wanted = max(min(Int(count), Self.limit), 0)
      entries = try messages.entries(
        topic: topic, queue: queue, from: QueueOffset(index), count: wanted, filter: entryFilter)
    } catch {
      throw Refusals.disk(error)
    }
    guard !entries.isEmpty || count <= 0 else {
      return Reply(remark: "Index \(index) of \(queue)@\(topic) is not exist!")
    }
    let dump = ConsumeQueueDump(
      subscription: subscription, filter: filter, entries: entries, maxIndex: bounds.max.rawValue,
      minIndex: bounds.min.rawValue)
    return Reply(remark: "not set any response code", body: dump.bytes())
  }

  private func bounds(_ topic: String, _ queue: Int32) throws(Refusal) -> QueueBounds? {
    do throws(DiskError) {
      return try messages.bounds(topic: topic, queue: queue)
    } catch {
      throw Refusals.disk(error)
    }
  }

  /// What a group subscribes to in a topic, its condition as a text, `null` for one of tags, and what extension units
  /// tell about both.
  private func wish(of group: String?, _ topic: String) -> (SubscriptionData?, String?, EntryFilter?) {
    guard let group else { return (nil, nil, nil) }
    let found = clients.withLock { $0.subscriptions(of: group) }.first { $0.topic == topic }
    guard let found else { return (nil, "\(group)@\(topic) is not online!", nil) }
    guard let filter = filters.withLock({ $0.filter(topic: topic, group: group) }) else {
      let tags = found.filter.map { $0.isWildcard ? EntryFilter.all : .hashes($0.tagHashes) }
      return (found.data, "null", tags ?? .all)
    }
    let text = JSONValue(members: [
      "bornTime": JSONValue(filter.bornTime.milliseconds), "clientVersion": JSONValue(filter.version),
      "consumerGroup": .string(filter.group), "deadTime": JSONValue(filter.deadTime?.milliseconds ?? 0),
      "expression": .string(filter.expression), "expressionType": .string(SubscriptionData.sqlExpression),
      "topic": .string(filter.topic),
    ])
    let bits = BitFilter(positions: filter.positions, bitCount: filter.bitCount, since: filter.bornTime)
    return (found.data, String(decoding: text.bytes(.fastjson), as: UTF8.self), .bits(bits))
  }
}
