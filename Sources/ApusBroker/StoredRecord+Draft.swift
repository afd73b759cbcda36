import ApusBase
import ApusModel

extension StoredRecord {
  /// The message once more, for a queue that may be of another topic: body, flags, times and hosts stay, the tags code
  /// is that of `properties`, which have room in a record.
  @_lifetime(copy self, copy topic, copy properties)
  func draft(topic: RawSpan, queueID: Int32, properties: RawSpan) -> RecordDraft {
    var draft = RecordDraft(
      topic: topic, body: body, properties: properties, queueID: queueID, flag: flag, sysFlag: sysFlag,
      bodyCRC: bodyCRC, bornTime: bornTime, bornHost: bornHost, storeHost: storeHost,
      tagsCode: TagsCode.code(of: MessageProperties(properties)))
    draft.reconsumeTimes = reconsumeTimes
    return draft
  }
}
