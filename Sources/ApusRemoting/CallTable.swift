import ApusBase
import ApusProtocol
import ApusSystem

/// Why a call to a peer has no answer.
package enum CallError: Error, Hashable, Sendable, CustomStringConvertible {
  /// None came in time.
  case timedOut
  /// The connection was closed.
  case closed
  /// There was no connection to be had; the text says why.
  case unreachable(String)

  /// A sentence fragment.
  package var description: String {
    switch self {
    case .timedOut: "no answer in time"
    case .closed: "the connection was closed"
    case .unreachable(let reason): "unreachable: \(reason)"
    }
  }
}

/// The calls of one loop that wait for an answer.
final class CallTable {
  private struct Entry {
    let connection: ConnectionID
    let timer: EventLoop.Timer
    let call: any OutgoingCall
  }

  private var entries: [RequestID: Entry] = [:]
  private var lastID: Int32 = 0

  /// The id of a request that no other of this loop has at present.
  func nextID() -> RequestID {
    repeat { lastID = lastID == .max ? 1 : lastID + 1 } while entries[RequestID(lastID)] != nil
    return RequestID(lastID)
  }

  /// A call is about to be made over a connection: the id for its request.
  func add(_ call: any OutgoingCall, on connection: Connection, timeout: Duration) -> RequestID {
    let id = nextID()
    let timer = connection.loop.schedule(after: timeout) { [self] in
      entries.removeValue(forKey: id)?.call.failed(.timedOut)
    }
    entries[id] = Entry(connection: connection.id, timer: timer, call: call)
    return id
  }

  /// An answer has come. One that nobody waits for, or that another peer was asked for, is ignored.
  func complete(on connection: Connection, _ answer: borrowing Request) {
    let id = answer.header.id
    guard let entry = entries[id], entry.connection == connection.id else { return }
    entries[id] = nil
    connection.loop.cancel(entry.timer)
    entry.call.answered(answer)
  }

  /// How many calls wait.
  var count: Int { entries.count }

  /// Nobody waits for an answer any more. One that comes is ignored.
  func cancel(_ id: RequestID, on connection: Connection) {
    guard let entry = entries[id], entry.connection == connection.id else { return }
    entries[id] = nil
    connection.loop.cancel(entry.timer)
  }

  /// The connection is closed. Its calls' timers find nothing then.
  func fail(_ connection: ConnectionID, _ error: CallError) {
    guard !entries.isEmpty else { return }
    for (id, entry) in entries where entry.connection == connection {
      entries[id] = nil
      entry.call.failed(error)
    }
  }
}
