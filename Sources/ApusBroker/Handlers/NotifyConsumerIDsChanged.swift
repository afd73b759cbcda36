package import ApusProtocol

/// Code 40: a broker tells a consumer that the members of its group changed, so that it shares the queues out anew.
/// Oneway.
package enum NotifyConsumerIDsChanged {
  /// The request's code.
  package static let code = RequestCode.notifyConsumerIDsChanged

  /// The request's fields.
  package static func fields(group: String) -> [ReplyField] { [ReplyField("consumerGroup", group)] }
}
