package import ApusBase
package import ApusProtocol
package import ApusSystem

/// What answers requests. All calls come on the loop of the connection they are about; none may block.
package protocol RemotingService: AnyObject, Sendable {
  /// Handles one request: writes the answer to `connection.output`, now or later. A request marked oneway gets none.
  func handle(_ request: borrowing Request, on connection: Connection) -> Disposition
  /// A request is answered with another code than success. Called before the answer is written, and for a request
  /// marked oneway too, whose sender does not hear of it.
  func refused(_ request: CommandHeader, with reply: Reply, on connection: Connection)
  /// The connection is closed. Called once for each connection.
  func connectionClosed(_ connection: Connection)
  /// Every frame that came in one turn of the loop has been handled; the answers written by then leave together.
  func turnEnded(on loop: EventLoop)
  /// The time asked for by `loop.requestTick(at:)` has come.
  func tick(on loop: EventLoop, now: MonotonicTime)
}

extension RemotingService {
  /// Does nothing.
  package func refused(_ request: CommandHeader, with reply: Reply, on connection: Connection) {}
  /// Does nothing.
  package func connectionClosed(_ connection: Connection) {}
  /// Does nothing.
  package func turnEnded(on loop: EventLoop) {}
  /// Does nothing.
  package func tick(on loop: EventLoop, now: MonotonicTime) {}
}

/// What became of a request.
package enum Disposition: Sendable {
  /// It was handled, even if its answer comes later.
  case done
  /// It could not be begun: the connection keeps it and reads no further until `loop.resumeStalled()`, then hands it
  /// over again.
  case stalled
}

/// Names a connection for as long as it is open, unlike every other one of the process.
package typealias ConnectionID = HandlerID

extension EventLoop {
  /// The connection of an id, if it is open and belongs to this loop. To be called on the loop.
  package func connection(_ id: ConnectionID) -> Connection? {
    guard let connection = handler(id) as? Connection, connection.isOpen else { return nil }
    return connection
  }
}
