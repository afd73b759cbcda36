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

  /// One code's row.
  package struct Row: Sendable {
    /// What answers.
    package let handler: any RequestHandler
    /// Where.
    package let place: Place
    /// Whether the code administers, so that it is accepted from where ``ApusModel/AdminAccess`` allows only.
    package let administers: Bool
  }

  private var rows: [RequestCode: Row] = [:]
  private var relays: [RequestCode: any RelayingHandler] = [:]
  private var changes: [RequestCode: any ChangingHandler] = [:]

  /// Makes an empty table.
  package init() {}

  /// Enters a code. Each may be entered once.
  package mutating func add(_ code: RequestCode, _ place: Place, _ handler: any RequestHandler) {
    precondition(!codes.contains(code), "two handlers for request code \(code.rawValue)")
    rows[code] = Row(handler: handler, place: place, administers: AdministeringCodes.broker.codes.contains(code))
  }

  /// Enters a code that is answered after asking clients.
  package mutating func add(_ code: RequestCode, relay: any RelayingHandler) {
    precondition(!codes.contains(code), "two handlers for request code \(code.rawValue)")
    relays[code] = relay
  }

  /// Enters a code that is answered when the files of the configuration hold the change that it asks for.
  package mutating func add(_ code: RequestCode, changing handler: any ChangingHandler) {
    precondition(!codes.contains(code), "two handlers for request code \(code.rawValue)")
    changes[code] = handler
  }

  /// What asks clients before it answers a code; nil for codes that are answered without. Throws how a code that
  /// administers is refused from elsewhere.
  package func relay(
    for code: RequestCode, from requester: Requester, _ access: AdminAccess
  ) throws(Refusal) -> (any RelayingHandler)? {
    guard let relay = relays[code] else { return nil }
    try AdministeringCodes.broker.check(code, from: requester.address, access)
    return relay
  }

  /// What makes the changes that a code asks for; nil for codes that change no file of the configuration. Throws how a
  /// code that administers is refused from elsewhere.
  package func change(
    for code: RequestCode, from requester: Requester, _ access: AdminAccess
  ) throws(Refusal) -> (any ChangingHandler)? {
    guard let handler = changes[code] else { return nil }
    try AdministeringCodes.broker.check(code, from: requester.address, access)
    return handler
  }

  /// A code's row; throws how a code without one is refused, and how one that administers is refused from elsewhere.
  package func row(for code: RequestCode, from requester: Requester, _ access: AdminAccess) throws(Refusal) -> Row {
    guard let row = rows[code] else { throw Refusals.unsupported(code) }
    if row.administers { try AdministeringCodes.broker.check(code, from: requester.address, access) }
    return row
  }

  /// Where a code's handler runs; nil for codes without a row.
  package func place(of code: RequestCode) -> Place? { rows[code]?.place }

  /// All codes that have a row.
  package var codes: Set<RequestCode> { Set(rows.keys).union(relays.keys).union(changes.keys) }
}
