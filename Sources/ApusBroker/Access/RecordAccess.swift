import ApusAccess
import ApusBase
import ApusModel
import ApusProtocol

extension AccessGrant {
  /// Throws unless the sender may do this with the topic that a stored message belongs to. Messages that wait for their
  /// time or for the end of their transaction, or whose end nobody told, belong to the topic that they were sent to.
  func requires(_ permission: AccessPermission, recordOf record: borrowing StoredRecord) throws(Refusal) {
    if SystemTopics.holdsOthersMessages(record.topic), let topic = record.properties.value(of: PropertyName.realTopic) {
      return try requires(permission, topic: topic)
    }
    try requires(permission, topic: record.topic)
  }

  /// Whether the sender may do this with a topic.
  func allows(_ permission: AccessPermission, topic: RawSpan) -> Bool {
    do throws(Refusal) {
      try requires(permission, topic: topic)
      return true
    } catch {
      return false
    }
  }

  /// The same for a record as it stands in the log. One that cannot be read belongs to nobody.
  func requires(_ permission: AccessPermission, record: [UInt8]) throws(Refusal) {
    guard accessKey != nil else { return }
    let read: StoredRecord
    do throws(DecodeError) {
      read = try StoredRecord(record.rawSpan)
    } catch {
      throw Refusal(.systemError, "the message is damaged: \(error)")
    }
    try requires(permission, recordOf: read)
  }
}
