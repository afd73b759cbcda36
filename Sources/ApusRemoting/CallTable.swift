import ApusBase
package import ApusProtocol
import ApusSystem

/// Why a call to a peer has no answer.
package enum CallError: Error, Hashable, Sendable, CustomStringConvertible {
  /// None came in time.
  case timedOut
  /// The connection was closed.
  case closed
  /// The client has been closed: nothing was sent.
  case ended
  /// There was no connection to be had; the text says why.
  case unreachable(String)

  /// A sentence fragment.
  package var description: String {
    switch self {
    case .timedOut: "no answer in time"
    case .closed: "the connection was closed"
    case .ended: "the client has been closed"
    case .unreachable(let reason): "unreachable: \(reason)"
    }
  }
}

/// Reads the answer to a call where it lies. Called on the loop.
package typealias AnswerReader = (borrowing Request) -> Void

/// The calls of one loop that wait for an answer.
final class CallTable {
  typealias Completion = (Result<Command, CallError>) -> Void

  private struct Call {
    let connection: ConnectionID
    let timer: EventLoop.Timer
    let answered: AnswerReader
    let failed: (CallError) -> Void
  }

  private var calls: [RequestID: Call] = [:]
  private var lastID: Int32 = 0

  /// The id of a request that no other of this loop has at present.
  func nextID() -> RequestID {
    repeat { lastID = lastID == .max ? 1 : lastID + 1 } while calls[RequestID(lastID)] != nil
    return RequestID(lastID)
  }

  func add(on connection: Connection, timeout: Duration, _ completion: @escaping Completion) -> RequestID {
    add(
      on: connection, timeout: timeout, answered: { completion(.success(Command(copying: $0))) },
      failed: { completion(.failure($0)) })
  }

  func add(
    on connection: Connection, timeout: Duration, answered: @escaping AnswerReader,
    failed: @escaping (CallError) -> Void
  ) -> RequestID {
    let id = nextID()
    let timer = connection.loop.schedule(after: timeout) { [self] in
      calls.removeValue(forKey: id)?.failed(.timedOut)
    }
    calls[id] = Call(connection: connection.id, timer: timer, answered: answered, failed: failed)
    return id
  }

  /// An answer has come. One that nobody waits for, or that another peer was asked for, is ignored.
  func complete(on connection: Connection, _ answer: borrowing Request) {
    let id = answer.header.id
    guard let call = calls[id], call.connection == connection.id else { return }
    calls[id] = nil
    connection.loop.cancel(call.timer)
    call.answered(answer)
  }

  /// How many calls wait.
  var count: Int { calls.count }

  /// Nobody waits for an answer any more. One that comes is ignored.
  func cancel(_ id: RequestID, on connection: Connection) {
    guard let call = calls[id], call.connection == connection.id else { return }
    calls[id] = nil
    connection.loop.cancel(call.timer)
  }

  /// The connection is closed. Its calls' timers find nothing then.
  func fail(_ connection: ConnectionID, _ error: CallError) {
    guard !calls.isEmpty else { return }
    for (id, call) in calls where call.connection == connection {
      calls[id] = nil
      call.failed(error)
    }
  }
}
