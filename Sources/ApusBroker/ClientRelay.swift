import ApusBase
import ApusBrokerCore
package import ApusProtocol
package import ApusRemoting
package import ApusSystem
import Synchronization

/// One request to a client.
package struct ClientCall: Hashable, Sendable {
  /// The client's connection.
  package var connection: UInt64
  /// What it is asked.
  package var code: RequestCode
  /// The custom header fields.
  package var fields: [ReplyField]
  /// The body; empty for none.
  package var body: [UInt8]

  /// Puts a request together.
  package init(connection: UInt64, code: RequestCode, fields: [ReplyField], body: [UInt8] = []) {
    self.connection = connection
    self.code = code
    self.fields = fields
    self.body = body
  }
}

/// Asks clients over the connections that they opened, whichever loop these belong to. No thread waits for an answer.
/// A client that does not fetch what it was sent is sent nothing more: others could fill this broker's memory through
/// it.
package final class ClientRelay: Sendable {
  /// What comes of a call.
  package typealias Outcome = Result<Command, CallError>

  /// How many calls may wait for an answer: a client that is asked by way of this broker and never answers holds one
  /// for as long as its time limit.
  package static let limit = 16_384

  /// By the loop's index.
  private let loops: [EventLoop?]
  private let waiting = Atomic(0)

  /// Reaches the connections of these loops.
  package init(loops: [EventLoop]) {
    var byIndex: [EventLoop?] = Array(repeating: nil, count: (loops.map(\.index).max() ?? 0) + 1)
    for loop in loops { byIndex[loop.index] = loop }
    self.loops = byIndex
  }

  /// How many calls wait for an answer.
  package var waitingCount: Int { waiting.load(ordering: .relaxed) }

  /// Asks a client, and calls `completion` on the loop `origin`, once: with the answer or with why there is none. To be
  /// called on `origin`.
  package func call(
    _ call: ClientCall, timeout: Duration, on origin: EventLoop, completion: @escaping @Sendable (Outcome) -> Void
  ) {
    let id = ConnectionID(rawValue: call.connection)
    guard let target = loop(of: id) else { return completion(.failure(.closed)) }
    guard waiting.add(1, ordering: .relaxed).newValue <= Self.limit else {
      waiting.subtract(1, ordering: .relaxed)
      return completion(.failure(.unreachable("too many requests wait for clients")))
    }
    let finish: @Sendable (Outcome) -> Void = { [self] outcome in
      waiting.subtract(1, ordering: .relaxed)
      if target === origin { completion(outcome) } else { origin.execute { completion(outcome) } }
    }
    if target === origin {
      Self.ask(call, id, target, timeout, finish)
    } else {
      let isAccepted = target.execute { Self.ask(call, id, target, timeout, finish) }
      if !isAccepted {
        waiting.subtract(1, ordering: .relaxed)
        completion(.failure(.closed))
      }
    }
  }

  private static func ask(
    _ call: ClientCall, _ id: ConnectionID, _ loop: EventLoop, _ timeout: Duration,
    _ finish: @escaping @Sendable (Outcome) -> Void
  ) {
    guard let connection = loop.connection(id) else { return finish(.failure(.closed)) }
    guard connection.hasRoomForOutput() else {
      return finish(.failure(.unreachable("it has not fetched what it was sent before")))
    }
    connection.call(call.code, fields: call.fields, body: call.body, timeout: timeout, completion: finish)
  }

  /// Asks clients at the same time, and calls `completion` on the loop `origin`, once, with what came of each call in
  /// their order. To be called on `origin`.
  package func callAll(
    _ calls: [ClientCall], timeout: Duration, on origin: EventLoop,
    completion: @escaping @Sendable ([Outcome]) -> Void
  ) {
    guard !calls.isEmpty else { return completion([]) }
    let gathered = Locked((outcomes: [Int: Outcome](minimumCapacity: calls.count), expected: calls.count))
    for (index, call) in calls.enumerated() {
      self.call(call, timeout: timeout, on: origin) { outcome in
        let complete = gathered.withLock { gathered -> [Int: Outcome]? in
          gathered.outcomes[index] = outcome
          return gathered.outcomes.count == gathered.expected ? gathered.outcomes : nil
        }
        guard let complete else { return }
        completion((0..<complete.count).compactMap { complete[$0] })
      }
    }
  }

  /// Tells a client something that it does not answer, unless it has not fetched what it was sent before. May be called
  /// on any thread. A caller that is on a loop names it as `origin`: clients of that loop are told within the call.
  package func notify(_ call: ClientCall, on origin: EventLoop? = nil) {
    let id = ConnectionID(rawValue: call.connection)
    guard let target = loop(of: id) else { return }
    if target === origin { Self.tell(call, id, target) } else { target.execute { Self.tell(call, id, target) } }
  }

  private static func tell(_ call: ClientCall, _ id: ConnectionID, _ loop: EventLoop) {
    guard let connection = loop.connection(id), connection.hasRoomForOutput() else { return }
    connection.notify(call.code, fields: call.fields, body: call.body)
  }

  private func loop(of id: ConnectionID) -> EventLoop? { id.loop < loops.count ? loops[id.loop] : nil }
}
