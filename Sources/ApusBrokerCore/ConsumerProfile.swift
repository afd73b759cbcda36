package import ApusProtocol

/// How a consumer group consumes, as its members' heartbeats say; the last one counts.
package struct ConsumerProfile: Hashable, Sendable {
  /// Pull or push.
  package var consumeType: ConsumeType
  /// Sharing or not.
  package var messageModel: MessageModel
  /// Where to start without offsets.
  package var consumeFromWhere: ConsumeFromWhere

  /// Describes a group.
  package init(consumeType: ConsumeType, messageModel: MessageModel, consumeFromWhere: ConsumeFromWhere) {
    self.consumeType = consumeType
    self.messageModel = messageModel
    self.consumeFromWhere = consumeFromWhere
  }
}
