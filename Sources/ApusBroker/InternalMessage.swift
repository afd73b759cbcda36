package import ApusBase
package import ApusBrokerCore
package import ApusModel
import ApusStoreCore

/// A message that the broker itself stores: an event, a retry, a dead letter, a step of a transaction. It owns its
/// bytes, so that it can wait for a queue or a segment.
///
/// Lengths are the maker's to check: a body that `maxMessageSize` allows, properties of at most
/// ``ApusModel/MessageProperties/maximumBytes``.
package struct InternalMessage: Sendable {
  /// What the queue entry carries in the place of the tags.
  package enum Tag: Hashable, Sendable {
    /// The hash of the property TAGS.
    case tags
    /// When the message is due: this many milliseconds after it was stored. For the queues of delayed messages.
    case due(afterMilliseconds: Int64)
  }

  /// Where it goes. The topic need not be open to producers.
  package var topic: Topic
  /// The queue.
  package var queueID: Int32
  /// The body as it is to be stored.
  package var body: [UInt8]
  /// The properties as they are to be stored.
  package var properties: [UInt8]
  /// The user's flag.
  package var flag: Int32 = 0
  /// The system flag.
  package var sysFlag = SysFlag(rawValue: 0)
  /// When it was made; ``InternalMessages`` puts nothing in its place.
  package var bornTime: WallTime
  /// Who made it.
  package var bornHost: HostAddress
  /// The broker that stores it, or that stored what it repeats.
  package var storeHost: HostAddress
  /// How often it was consumed before.
  package var reconsumeTimes: Int32 = 0
  /// Where the half message of a transaction lies.
  package var preparedTransactionOffset: Int64 = 0
  /// What the queue entry carries.
  package var tag = Tag.tags

  /// A message with these bytes, made now by the broker at `host`.
  package init(
    topic: Topic, queueID: Int32, body: [UInt8], properties: [UInt8], bornTime: WallTime, host: HostAddress
  ) {
    self.topic = topic
    self.queueID = queueID
    self.body = body
    self.properties = properties
    self.bornTime = bornTime
    bornHost = host
    storeHost = host
  }

  /// What is stored when it is stored at `now`. Reads body and properties: not to be called under a lock.
  @_lifetime(borrow self, copy name)
  func draft(topic name: RawSpan, now: WallTime) -> RecordDraft {
    let tagsCode: Int64
    switch tag {
    case .tags: tagsCode = TagsCode.code(of: MessageProperties(properties.rawSpan))
    case .due(let delay): tagsCode = now.advanced(byMilliseconds: delay).milliseconds
    }
    var draft = RecordDraft(
      topic: name, body: body.rawSpan, properties: properties.rawSpan, queueID: queueID, flag: flag, sysFlag: sysFlag,
      bodyCRC: CRC32.body(body.rawSpan), bornTime: bornTime, bornHost: bornHost, storeHost: storeHost,
      tagsCode: tagsCode)
    draft.reconsumeTimes = reconsumeTimes
    draft.preparedTransactionOffset = preparedTransactionOffset
    return draft
  }
}
