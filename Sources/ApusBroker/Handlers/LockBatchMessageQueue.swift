import ApusBase
package import ApusBrokerCore
import ApusModel
package import ApusProtocol
package import ApusSystem

/// Code 41: a client wants queues for itself, to consume them in order; answered with those that it has now.
package struct LockBatchMessageQueueHandler: RequestHandler {
  private let locks: Locked<QueueLocks>

  /// Takes its parts.
  package init(locks: Locked<QueueLocks>) { self.locks = locks }

  /// Answers; a queue that another client holds is left out.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let wish = try LockRequestBody(checking: request)
    let now = SystemClock.monotonic()
    let locked = locks.withLock { $0.lock(wish.queues, group: wish.group, client: wish.clientID, now: now) }
    return Reply(body: LockResponseBody(locked).bytes())
  }
}

extension LockRequestBody {
  /// Reads the body of a request; refuses one that names what cannot be, as locks are remembered by these names.
  init(checking request: Command) throws(Refusal) {
    do throws(DecodeError) {
      try self.init(bytes: request.body)
    } catch {
      throw Refusals.body(error)
    }
    try GroupName.check(group)
    let longest = ClientTable.Limits().clientIDBytes
    guard !clientID.isEmpty, clientID.utf8.count <= longest else {
      throw Refusal(.systemError, "clientId must have 1 to \(longest) bytes")
    }
    for queue in queues {
      guard
        queue.topic.utf8.count <= TopicName.maxLength, queue.brokerName.utf8.count <= GroupName.maxLength,
        queue.queueID >= 0
      else { throw Refusal(.systemError, "mqSet names a queue that cannot be: \(queue.topic.prefix(64))") }
    }
  }
}
