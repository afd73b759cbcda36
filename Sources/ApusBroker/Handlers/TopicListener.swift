package import ApusBrokerCore

/// Hears of changes that name servers must learn at once. Implemented by what registers the broker; calls come from any
/// thread and must not block.
package protocol TopicListener: AnyObject, Sendable {
  /// A topic was made or changed by its use: whoever keeps topics is to save it.
  func topicChanged(_ topic: Topic)
  /// A topic was made or changed by an administrator, and its file holds that.
  func topicSaved(_ topic: Topic)
  /// Something about all topics changed, as the broker's permission.
  func allTopicsChanged()
  /// A topic was deleted: what loops and statistics keep for it can go. Name servers keep its routes until code 216
  /// reaches them.
  func topicDeleted(_ topic: Topic)
}
