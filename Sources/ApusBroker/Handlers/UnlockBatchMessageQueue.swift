package import ApusBrokerCore
package import ApusProtocol
package import ApusSystem

/// Code 42: a client gives queues back. What is not its own stays with whose it is.
package struct UnlockBatchMessageQueueHandler: RequestHandler {
  private let locks: Locked<QueueLocks>

  /// Takes its parts.
  package init(locks: Locked<QueueLocks>) { self.locks = locks }

  /// Answers.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let wish = try LockRequestBody(checking: request)
    locks.withLock { $0.unlock(wish.queues, group: wish.group, client: wish.clientID) }
    return Reply()
  }
}
