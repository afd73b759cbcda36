public import ApusModel
import ApusSystem

/// The queues of a topic that may be read, whenever they change.
public struct QueueChanges: AsyncSequence, Sendable {
  let consumer: PullConsumer
  let topic: String

  /// Looks for changes.
  public struct AsyncIterator: AsyncIteratorProtocol {
    let consumer: PullConsumer
    let topic: String
    var last: [MessageQueue]?

    /// The queues, sorted: at first those that there are, then those after the next change. Nil when the consumer has
    /// ended or the task is cancelled.
    public mutating func next() async -> [MessageQueue]? {
      if last != nil { await QueuePuller.pause(consumer.configuration.metadataCheckInterval) }
      while !Task.isCancelled, !consumer.isClosed {
        do throws(ClientError) {
          let queues = try await consumer.freshQueues(of: topic)
          if queues != last {
            last = queues
            return queues
          }
        } catch {
          consumer.client.runtime.warn("the queues of a topic cannot be looked up", "topic", topic, cause: error)
        }
        await QueuePuller.pause(consumer.configuration.metadataCheckInterval)
      }
      return nil
    }
  }

  /// Begins with the queues that there are.
  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(consumer: consumer, topic: topic) }
}
