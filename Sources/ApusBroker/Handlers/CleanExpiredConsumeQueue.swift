import ApusBase
package import ApusProtocol

/// Code 306: removes queue files whose messages are gone from the log.
///
/// Deviation from Java: a queue all of whose messages are gone keeps its last file, and so the number of its next
/// message. Java removes it whole and then gives numbers again that consumers have already committed.
package struct CleanExpiredConsumeQueueHandler: RequestHandler {
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
