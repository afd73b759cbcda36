import ApusBase
package import ApusProtocol

/// Code 33: the record at an offset of the log, which a message's offset id names.
package struct ViewMessageByID: RequestHandler {
  private let messages: any StoredMessages

  /// Takes its parts.
  package init(messages: any StoredMessages) { self.messages = messages }

  /// Answers.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let offset: Int64 = try request.number("offset")
    do throws(DiskError) {
      if offset >= 0, let record = try messages.record(at: PhysicalOffset(offset)) { return Reply(body: record) }
    } catch {
      throw Refusals.disk(error)
    }
    throw Refusal(.systemError, "can not find message by the offset, \(offset)")
  }
}
