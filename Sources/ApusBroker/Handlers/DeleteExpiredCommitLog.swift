package import ApusProtocol

/// Code 329: asks for the removal of log files that are old enough, at whatever hour it is.
package struct DeleteExpiredCommitLogHandler: RequestHandler {
  private let request: RemovalRequest

  /// Takes its parts.
  package init(_ request: RemovalRequest) { self.request = request }

  /// Answers at once; the files go with the next rounds of retention.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    self.request.make()
    return Reply()
  }
}
