import ApusBase
import ApusModel

extension StoredRecord {
  /// The message once more, for a queue that may be of another topic: body, flags, times and hosts stay, the tags code
  /// is that of `properties`, which have room in a record.
  @_lifetime(copy self, copy topic, copy properties)
  func draft(topic: RawSpan, queueID: Int32, properties: RawSpan) -> RecordDraft {
    var tagsCode: Int64 = 0
    if let tags = MessageProperties(properties).value(of: PropertyName.tags) { tagsCode = TagsCode.hash(tags) }
    var draft = RecordDraft(
      topic: topic, body: body, properties: properties, queueID: queueID, flag: flag, sysFlag: sysFlag,
      bodyCRC: bodyCRC, bornTime: bornTime, bornHost: bornHost, storeHost: storeHost, tagsCode: tagsCode)
    draft.reconsumeTimes = reconsumeTimes
    return draft
  }
}
