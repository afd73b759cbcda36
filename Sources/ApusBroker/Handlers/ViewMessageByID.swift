import ApusAccess
import ApusBase
package import ApusProtocol

/// Code 33: the record at an offset of the log, which a message's offset id names.
package struct ViewMessageByIDHandler: RequestHandler {
  private let messages: any StoredMessages

  /// Takes its parts.
  package init(messages: any StoredMessages) { self.messages = messages }

  /// Answers.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let offset: Int64 = try request.number("offset")
    let record: [UInt8]?
    do throws(DiskError) {
      record = offset >= 0 ? try messages.record(at: PhysicalOffset(offset)) : nil
    } catch {
      throw Refusals.disk(error)
    }
    if let record {
      try requester.grant.requires(.subscribe, record: record)
      return Reply(body: record)
    }
    throw Refusal(.systemError, "can not find message by the offset, \(offset)")
  }
}
