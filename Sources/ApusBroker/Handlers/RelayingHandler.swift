import ApusBase
package import ApusProtocol
package import ApusRemoting

/// What has to be asked of clients before a request can be answered.
package struct Relay: Sendable {
  /// What comes of asking one client.
  package typealias Outcome = Result<Command, CallError>

  /// What clients are told without an answer.
  package var notices: [ClientCall] = []
  /// What clients are asked, all at once.
  package var calls: [ClientCall]
  /// How long they may take.
  package var timeout: Duration
  /// Makes the answer of what the clients said, in the order of ``calls``.
  package var finish: @Sendable ([Outcome]) -> Reply

  /// Asks clients.
  package init(_ calls: [ClientCall], timeout: Duration, finish: @escaping @Sendable ([Outcome]) -> Reply) {
    self.calls = calls
    self.timeout = timeout
    self.finish = finish
  }

  /// Tells clients and answers without waiting for them.
  package init(telling notices: [ClientCall], reply: Reply) {
    self.init([], timeout: .zero) { _ in reply }
    self.notices = notices
  }
}

/// Answers requests of one code after asking clients. Runs on an I/O thread; the clients are asked without one.
package protocol RelayingHandler: Sendable {
  /// What is to be asked; throws what the request is refused with.
  func plan(_ request: Command, from requester: Requester) throws(Refusal) -> Relay
}
