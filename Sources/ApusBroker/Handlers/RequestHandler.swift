package import ApusAccess
package import ApusModel
package import ApusProtocol

/// Who sent a request.
package struct Requester: Hashable, Sendable {
  /// The connection, unlike every other one of the process.
  package var connection: UInt64
  /// The peer's address.
  package var address: HostAddress
  /// What it may do besides what was checked when the request came.
  package var grant: AccessGrant

  /// Names a requester.
  package init(connection: UInt64, address: HostAddress, grant: AccessGrant = .unlimited) {
    self.connection = connection
    self.address = address
    self.grant = grant
  }
}

/// Answers requests of one code. Codes that send, pull, commit and end transactions are answered in place by
/// ``BrokerService``; all others come here, copied out of their frame, so that they can be answered on another thread.
package protocol RequestHandler: Sendable {
  /// Answers, or throws what the request is refused with.
  func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply
}
