import ApusBase
import ApusProtocol
import ApusSystem

/// The calls of one loop that wait for an answer.
final class CallTable {
  private struct Entry {
    let connection: ConnectionID
    let deadline: MonotonicTime
    let call: any OutgoingCall
  }

  private var entries: [RequestID: Entry] = [:]
  private var lastID: Int32 = 0
  /// When deadlines are looked at next: one timer serves all calls, as few of them ever run out of time.
  private var check: (time: MonotonicTime, timer: EventLoop.Timer)?

  /// The id of a request that no other of this loop has at present.
  func nextID() -> RequestID {
    repeat { lastID = lastID == .max ? 1 : lastID + 1 } while entries[RequestID(lastID)] != nil
    return RequestID(lastID)
  }

  /// A call is about to be made over a connection: the id for its request.
  func add(_ call: any OutgoingCall, on connection: Connection, timeout: Duration) -> RequestID {
    let id = nextID()
    let deadline = connection.loop.time + timeout
    entries[id] = Entry(connection: connection.id, deadline: deadline, call: call)
    if check.map({ deadline < $0.time }) ?? true { checkDeadlines(at: deadline, on: connection.loop) }
    return id
  }

  private func checkDeadlines(at time: MonotonicTime, on loop: EventLoop) {
    if let check { loop.cancel(check.timer) }
    check = (time, loop.schedule(at: time) { [self, unowned loop] in endOverdue(on: loop) })
  }

  private func endOverdue(on loop: EventLoop) {
    check = nil
    let overdue = entries.filter { $0.value.deadline <= loop.now }
    for id in overdue.keys { entries[id] = nil }
    if let next = entries.values.lazy.map(\.deadline).min() { checkDeadlines(at: next, on: loop) }
    for (_, entry) in overdue.sorted(by: { $0.value.deadline < $1.value.deadline }) { entry.call.failed(.timedOut) }
  }

  /// An answer has come. One that nobody waits for, or that another peer was asked for, is ignored.
  func complete(on connection: Connection, _ answer: borrowing Request) {
    let id = answer.header.id
    guard let entry = entries[id], entry.connection == connection.id else { return }
    entries[id] = nil
    entry.call.answered(answer)
  }

  /// How many calls wait.
  var count: Int { entries.count }

  /// Nobody waits for an answer any more. One that comes is ignored.
  func cancel(_ id: RequestID, on connection: Connection) {
    guard let entry = entries[id], entry.connection == connection.id else { return }
    entries[id] = nil
  }

  /// The connection is closed.
  func fail(_ connection: ConnectionID, _ error: CallError) {
    guard !entries.isEmpty else { return }
    for (id, entry) in entries where entry.connection == connection {
      entries[id] = nil
      entry.call.failed(error)
    }
  }
}
