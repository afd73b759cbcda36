import ApusBase
package import ApusBrokerCore
import ApusModel
package import ApusProtocol
package import ApusSystem
import Synchronization

/// Code 306: removes queue files whose messages are gone from the log.
///
/// Deviation from Java: a queue all of whose messages are gone keeps its last file, and so the number of its next
/// message. Java removes it whole and then gives numbers again that consumers have already committed.
package struct CleanExpiredConsumeQueue: RequestHandler {
  private let messages: any StoredMessages

  /// Takes its parts.
  package init(messages: any StoredMessages) { self.messages = messages }

  /// Answers when the files are gone.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    do throws(DiskError) {
      try messages.removeExpiredQueueFiles()
    } catch {
      throw Refusals.disk(error)
    }
    return Reply()
  }
}

/// Code 316: removes the queues of topics that do not exist any more. The broker's own topics and light queues stay.
package struct CleanUnusedTopic: RequestHandler {
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

/// Code 329: asks for the removal of log files that are old enough, at whatever hour it is.
package struct DeleteExpiredCommitLog: RequestHandler {
  private let request: RemovalRequest

  /// Takes its parts.
  package init(_ request: RemovalRequest) { self.request = request }

  /// Answers at once; the files go with the next rounds of retention.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    self.request.make()
    return Reply()
  }
}

/// Somebody wants expired log files removed now: told to the thread that does that.
package final class RemovalRequest: Sendable {
  private let isMade = Atomic(false)
  private let wake = Locked<(@Sendable () -> Void)?>(nil)

  /// Nobody wants anything yet.
  package init() {}

  /// `action` is called after each request, on any thread.
  package func onRequest(_ action: @escaping @Sendable () -> Void) { wake.withLock { $0 = action } }

  /// Requests.
  package func make() {
    isMade.store(true, ordering: .releasing)
    wake.withLock { $0 }?()
  }

  /// Whether there was a request since the last call.
  package func take() -> Bool { isMade.exchange(false, ordering: .acquiringAndReleasing) }
}
