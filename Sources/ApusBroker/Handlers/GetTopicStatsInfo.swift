import ApusBase
package import ApusBrokerCore
import ApusModel
package import ApusProtocol
package import ApusSystem

/// Code 202: where each write queue of a topic begins and ends and when its last message was stored.
package struct GetTopicStatsInfoHandler: RequestHandler {
  private let topics: Locked<Topics>
  private let messages: any StoredMessages
  private let broker: String

  /// Takes its parts; `broker` is the broker's name.
  package init(topics: Locked<Topics>, messages: any StoredMessages, broker: String) {
    self.topics = topics
    self.messages = messages
    self.broker = broker
  }

  /// Answers.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let name = try request.text("topic")
    guard let topic = topics.withLock({ $0.find(name) }) else { throw Refusals.noTopic(name) }
    var entries: [TopicStatsTable.Entry] = []
    do throws(DiskError) {
      for queue in 0..<max(topic.config.writeQueueCount, 0) {
        let bounds = try messages.bounds(topic: name, queue: queue) ?? QueueBounds(min: .zero, max: .zero)
        var lastUpdate: WallTime?
        if bounds.max > .zero {
          lastUpdate = try messages.storeTime(topic: name, queue: queue, at: bounds.max + -1)
        }
        entries.append(
          TopicStatsTable.Entry(
            queue: MessageQueue(topic: name, brokerName: broker, queueID: queue), minOffset: bounds.min,
            maxOffset: bounds.max, lastUpdate: lastUpdate ?? WallTime(milliseconds: 0)))
      }
    } catch {
      throw Refusals.disk(error)
    }
    return Reply(body: TopicStatsTable(entries).bytes())
  }
}
