package import ApusModel
package import ApusProtocol

/// Which handler answers which code, where it runs, and who may ask.
package struct HandlerTable: Sendable {
  /// Where a handler runs.
  package enum Place: Hashable, Sendable {
    /// On the connection's loop: it touches memory only.
    case loop
    /// On an I/O thread: it may wait for the device.
    case ioThread
  }

  /// What answers a code.
  package enum Answerer: Sendable {
    /// A handler, by itself.
    case handler(any RequestHandler, Place)
    /// A handler that asks clients before.
    case relay(any RelayingHandler)
    /// A handler that makes a change, which is answered when the files of the configuration hold it.
    case change(any ChangingHandler)
  }

  private var answerers: [RequestCode: Answerer] = [:]

  /// Makes an empty table.
  package init() {}

  /// Enters a code. Each may be entered once.
  package mutating func add(_ code: RequestCode, _ place: Place, _ handler: any RequestHandler) {
    add(code, .handler(handler, place))
  }

  /// Enters a code that is answered after asking clients.
  package mutating func add(_ code: RequestCode, relay: any RelayingHandler) { add(code, .relay(relay)) }

  /// Enters a code that is answered when the files of the configuration hold the change that it asks for.
  package mutating func add(_ code: RequestCode, changing handler: any ChangingHandler) { add(code, .change(handler)) }

  private mutating func add(_ code: RequestCode, _ answerer: Answerer) {
    let before = answerers.updateValue(answerer, forKey: code)
    precondition(before == nil, "two handlers for request code \(code.rawValue)")
  }

  /// What answers a code; throws how a code that nothing answers is refused, and how one that administers is refused
  /// from elsewhere than where ``ApusModel/AdminAccess`` allows it.
  package func answerer(
    for code: RequestCode, from requester: Requester, _ access: AdminAccess
  ) throws(Refusal) -> Answerer {
    guard let answerer = answerers[code] else { throw Refusals.unsupported(code) }
    try AdministeringCodes.broker.check(code, from: requester.address, access)
    return answerer
  }

  /// Where a code's handler runs; nil for codes that no handler answers by itself.
  package func place(of code: RequestCode) -> Place? {
    guard case .handler(_, let place) = answerers[code] else { return nil }
    return place
  }

  /// All codes that are answered.
  package var codes: Set<RequestCode> { Set(answerers.keys) }
}
