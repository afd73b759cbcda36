import ApusBase
package import ApusBrokerCore
import ApusModel
package import ApusProtocol
package import ApusSystem

/// Code 316: removes the queues of topics that do not exist any more. The broker's own topics and light queues stay.
package struct CleanUnusedTopicHandler: RequestHandler {
  private let topics: Locked<Topics>
  private let messages: any StoredMessages

  /// Takes its parts.
  package init(topics: Locked<Topics>, messages: any StoredMessages) {
    self.topics = topics
    self.messages = messages
  }

  /// Answers when the queues are gone.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    do throws(DiskError) {
      for name in messages.topicsWithQueues() where !name.hasPrefix(SystemTopics.lightQueuePrefix) {
        let isUsed = topics.withLock { $0.find(name) != nil || $0.isSystem(name) }
        if !isUsed { try messages.removeQueues(of: name) }
      }
    } catch {
      throw Refusals.disk(error)
    }
    return Reply()
  }
}
