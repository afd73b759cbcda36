import ApusBase
package import ApusBrokerCore
import ApusModel
package import ApusProtocol
package import ApusSystem

/// Code 208: how far a consumer group is in each queue that it reads, and how fast it goes.
///
/// Topics that its members no longer subscribe to are left out while it has members that do subscribe to something.
package struct GetConsumeStatsHandler: RequestHandler {
  private let topics: Locked<Topics>
  private let offsets: Locked<ConsumerOffsets>
  private let clients: Locked<ClientTable>
  private let statistics: Locked<BrokerStats>
  private let progress: ConsumeProgress

  /// Takes its parts; `broker` is the broker's name.
  package init(
    topics: Locked<Topics>, offsets: Locked<ConsumerOffsets>, clients: Locked<ClientTable>,
    statistics: Locked<BrokerStats>, messages: any StoredMessages, broker: String
  ) {
    self.topics = topics
    self.offsets = offsets
    self.clients = clients
    self.statistics = statistics
    progress = ConsumeProgress(offsets: offsets, messages: messages, broker: broker)
  }

  /// Answers.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let group = try request.text("consumerGroup")
    let names = request.nonBlank("topic").map { [$0] } ?? offsets.withLock { $0.topics(ofGroup: group) }
    let subscribed = Set(clients.withLock { $0.subscriptions(of: group) }.map(\.topic))
    var entries: [ConsumeStats.Entry] = []
    var rate = 0.0
    for name in names where subscribed.isEmpty || subscribed.contains(name) {
      guard let topic = topics.withLock({ $0.find(name) }) else { continue }
      do throws(DiskError) {
        entries += try progress.entries(topic, group: group, queueCount: topic.config.readQueueCount)
      } catch {
        throw Refusals.disk(error)
      }
      let series = statistics.withLock { $0.series(.groupGetMessages(topic: topic.id, group: group)) }
      rate += series?.snapshot(.minute).perSecond ?? 0
    }
    return Reply(body: ConsumeStats(entries, consumeRate: rate).bytes())
  }
}
