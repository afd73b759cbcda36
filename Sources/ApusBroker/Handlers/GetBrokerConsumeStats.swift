import ApusBase
import ApusBrokerCore
import ApusModel
package import ApusProtocol
import ApusSystem

/// Code 317: how far every consumer group is in each topic that it reads.
///
/// Topics that a group's members no longer subscribe to are left out while it has members that do subscribe to
/// something; a group without offsets is listed without topics.
package struct GetBrokerConsumeStatsHandler: RequestHandler {
  private let tables: BrokerTables
  private let messages: any StoredMessages
  private let address: String
  private let progress: ConsumeProgress

  /// Takes its parts; the broker's name and address are those of the settings.
  package init(tables: BrokerTables, messages: any StoredMessages) {
    self.tables = tables
    self.messages = messages
    let identity = tables.settings.withLock { $0.identity }
    address = "\(identity.host):\(identity.port)"
    progress = ConsumeProgress(offsets: tables.offsets, messages: messages, broker: identity.broker)
  }

  /// Answers.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let orderedOnly = request.flag("isOrder")
    var groups: [ConsumeStatsList.Group] = []
    var total: Int64 = 0
    // Of copies and all at once: sends and pulls wait for tables that are looked through for each group.
    let (known, offsets) = (tables.groups.withLock { $0 }, tables.offsets.withLock { $0 })
    let consumed = offsets.topicsByGroup
    for group in known.all.map(\.name) {
      let topics = try topics(of: group, among: consumed[group] ?? [], orderedOnly: orderedOnly)
      for entry in topics.flatMap(\.entries) {
        total &+= entry.brokerOffset.rawValue &- entry.consumerOffset.rawValue
      }
      groups.append(ConsumeStatsList.Group(group, topics))
    }
    return Reply(body: ConsumeStatsList(groups, brokerAddress: address, totalDifference: total).bytes())
  }

  private func topics(
    of group: String, among names: [String], orderedOnly: Bool
  ) throws(Refusal) -> [ConsumeStats] {
    let subscribed = Set(tables.clients.withLock { $0.subscriptions(of: group) }.map(\.topic))
    var found: [ConsumeStats] = []
    for name in names {
      guard subscribed.isEmpty || subscribed.contains(name), let topic = tables.topics.withLock({ $0.find(name) }),
        topic.config.isOrdered || !orderedOnly
      else { continue }
      do throws(DiskError) {
        let entries = try progress.entries(topic, group: group, queueCount: topic.config.writeQueueCount)
        let series = tables.statistics.withLock { $0.series(.groupGetMessages(topic: topic.id, group: group)) }
        found.append(ConsumeStats(entries, consumeRate: series?.snapshot(.minute).perSecond ?? 0))
      } catch {
        throw Refusals.disk(error)
      }
    }
    return found
  }
}
