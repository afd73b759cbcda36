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

  /// How many bytes its fields and its body take.
  var contentBytes: Int { fields.reduce(body.count) { $0 + $1.name.utf8.count + $1.value.utf8.count } }
}

/// Asks clients over the connections that they opened, whichever loop these belong to. No thread waits for an answer.
/// A client that does not fetch what it was sent is sent nothing more: others could fill this broker's memory through
/// it. For the same reason what is on its way to clients of other loops, and what clients answered while others are
/// waited for, is bounded.
package final class ClientRelay: Sendable {
  /// What comes of a call.
  package typealias Outcome = Result<Command, CallError>

  /// How many calls may wait for an answer: a client that is asked by way of this broker and never answers holds one
  /// for as long as its time limit.
  package static let limit = 16_384
  /// How many bytes may be on their way between loops: several of the longest frames.
  private let passingLimit: Int
  /// How many bytes of answers may be kept while other clients of the same request have not answered.
  private let gatheredLimit: Int
  /// By the loop's index.
  private let loops: [EventLoop?]
  private let waiting = Atomic(0)
  /// The bytes that are on their way between loops.
  private let passing = Atomic(0)
  /// The bytes of answers that are kept.
  private let gathered = Atomic(0)

  /// Reaches the connections of these loops. The limits are in bytes, of what is on its way between loops, and of
  /// answers that are kept while others have not come.
  package init(loops: [EventLoop], passingLimit: Int = 64 << 20, gatheredLimit: Int = 64 << 20) {
    self.passingLimit = passingLimit
    self.gatheredLimit = gatheredLimit
    var byIndex: [EventLoop?] = Array(repeating: nil, count: (loops.map(\.index).max() ?? 0) + 1)
    for loop in loops { byIndex[loop.index] = loop }
    self.loops = byIndex
  }

  /// How many calls wait for an answer.
  package var waitingCount: Int { waiting.load(ordering: .relaxed) }

  /// How many bytes are on their way between loops.
  package var passingBytes: Int { passing.load(ordering: .relaxed) }

  /// How many bytes of answers are kept for others to come.
  package var gatheredBytes: Int { gathered.load(ordering: .relaxed) }

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
      guard target !== origin else { return completion(outcome) }
      guard let failure = pass(Self.bytes(of: outcome), to: origin, { completion(outcome) }) else { return }
      origin.execute { completion(.failure(failure)) }
    }
    if target === origin {
      Self.ask(call, id, target, timeout, finish)
    } else {
      let failure = pass(call.contentBytes, to: target) { Self.ask(call, id, target, timeout, finish) }
      if let failure {
        waiting.subtract(1, ordering: .relaxed)
        completion(.failure(failure))
      }
    }
  }

  /// Runs `work`, which holds so many bytes, on another loop; says why not when that has stopped, or when too much is
  /// on its way already.
  private func pass(_ bytes: Int, to target: EventLoop, _ work: @escaping @Sendable () -> Void) -> CallError? {
    guard passing.add(bytes, ordering: .relaxed).newValue <= passingLimit || bytes == 0 else {
      passing.subtract(bytes, ordering: .relaxed)
      return .unreachable("too much is on its way to clients")
    }
    let isAccepted = target.execute { [self] in
      passing.subtract(bytes, ordering: .relaxed)
      work()
    }
    if isAccepted { return nil }
    passing.subtract(bytes, ordering: .relaxed)
    return .closed
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
  /// their order. Answers that come when too much of others is kept already count as not given. To be called on
  /// `origin`.
  package func callAll(
    _ calls: [ClientCall], timeout: Duration, on origin: EventLoop,
    completion: @escaping @Sendable ([Outcome]) -> Void
  ) {
    guard !calls.isEmpty else { return completion([]) }
    if calls.count == 1 {
      return call(calls[0], timeout: timeout, on: origin) { completion([$0]) }
    }
    let answers = Locked((outcomes: [Int: Outcome](minimumCapacity: calls.count), expected: calls.count))
    for (index, call) in calls.enumerated() {
      self.call(call, timeout: timeout, on: origin) { [self] outcome in
        let kept = keep(outcome)
        let complete = answers.withLock { answers -> [Int: Outcome]? in
          answers.outcomes[index] = kept
          return answers.outcomes.count == answers.expected ? answers.outcomes : nil
        }
        guard let complete else { return }
        let outcomes = (0..<complete.count).compactMap { complete[$0] }
        gathered.subtract(outcomes.reduce(0) { $0 + Self.bytes(of: $1) }, ordering: .relaxed)
        completion(outcomes)
      }
    }
  }

  /// Counts an answer that is kept; what comes instead of one for which there is no room.
  private func keep(_ outcome: Outcome) -> Outcome {
    let bytes = Self.bytes(of: outcome)
    guard gathered.add(bytes, ordering: .relaxed).newValue > gatheredLimit else { return outcome }
    gathered.subtract(bytes, ordering: .relaxed)
    return .failure(.unreachable("the answers of clients take too much memory"))
  }

  private static func bytes(of outcome: Outcome) -> Int {
    switch outcome {
    case .success(let answer): answer.contentBytes
    case .failure: 0
    }
  }

  /// Tells a client something that it does not answer, unless it has not fetched what it was sent before, or too much
  /// is on its way to clients. May be called on any thread. A caller that is on a loop names it as `origin`: clients of
  /// that loop are told within the call.
  package func notify(_ call: ClientCall, on origin: EventLoop? = nil) {
    let id = ConnectionID(rawValue: call.connection)
    guard let target = loop(of: id) else { return }
    guard target !== origin else { return Self.tell(call, id, target) }
    // What has no body is short, and members that do not hear of a change of their group would go on as before.
    if call.body.isEmpty {
      target.execute { Self.tell(call, id, target) }
    } else {
      _ = pass(call.contentBytes, to: target) { Self.tell(call, id, target) }
    }
  }

  private static func tell(_ call: ClientCall, _ id: ConnectionID, _ loop: EventLoop) {
    guard let connection = loop.connection(id), connection.hasRoomForOutput() else { return }
    connection.notify(call.code, fields: call.fields, body: call.body)
  }

  private func loop(of id: ConnectionID) -> EventLoop? { id.loop < loops.count ? loops[id.loop] : nil }
}
