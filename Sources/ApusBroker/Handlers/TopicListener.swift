package import ApusBrokerCore

/// Hears of changes that name servers must learn at once. Implemented by what registers the broker; calls come from any
/// thread and must not block.
package protocol TopicListener: AnyObject, Sendable {
  /// A topic was made or changed by itself.
  func topicChanged(_ topic: Topic)
  /// Something about all topics changed, as the broker's permission.
  func allTopicsChanged()
  /// A topic was deleted: what loops and statistics keep for it can go. Name servers keep its routes until code 216
  /// reaches them.
  func topicDeleted(_ topic: Topic)
}
