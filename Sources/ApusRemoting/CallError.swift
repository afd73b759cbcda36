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
