import ApusSystem
import Synchronization

/// How many bytes of unfinished requests the process holds, over all loops and connections.
///
/// Large frames may fill the budget only up to a reserve, so that frames of usual size are read when large ones stand
/// still. Of the large ones at that mark one at a time, the front runner, may go on into the reserve: so one of them
/// always completes, however many wait for one another.
final class InboundBudget: Sendable {
  /// Frames up to this many bytes count as small.
  static let smallFrame = 16 << 10
  /// Enough to learn how long a frame is, and little enough for every connection to have it.
  private static let firstBytes = 512

  private let limit: Int
  private let largeLimit: Int
  private let handshakeLimit: Int
  private let used = Atomic<Int>(0)
  private let handshakes = Atomic<Int>(0)
  /// The raw id of the connection that may use the reserve; 0 for none.
  private let frontRunner = Atomic<UInt64>(0)

  /// A budget of `limit` bytes that lets one frame of `frameLimit` bytes complete.
  init(limit: Int, frameLimit: Int) {
    self.limit = limit
    largeLimit = max(0, limit - max(limit / 8, 2 * frameLimit))
    handshakeLimit = max(limit / 2, TLSSession.handshakeBytes)
  }

  /// The bytes held now.
  var usedBytes: Int { used.load(ordering: .relaxed) }

  /// Whether only the reserve is left: then no more is read than is known to be needed.
  var isScarce: Bool { usedBytes >= largeLimit }

  /// How many bytes a connection may read of which it does not know yet what they are; 0 when it has to wait.
  func readAllowance(upTo wanted: Int) -> Int {
    guard isScarce else { return wanted }
    return usedBytes + InboundBudget.firstBytes <= limit ? min(wanted, InboundBudget.firstBytes) : 0
  }

  /// Takes `count` bytes for a frame of `frameBytes`; false when they are not there.
  func reserve(_ count: Int, frameBytes: Int, connection: ConnectionID) -> Bool {
    let isLarge = frameBytes > InboundBudget.smallFrame
    if add(count, limit: isLarge ? largeLimit : limit) { return true }
    guard isLarge, runsInFront(connection) else { return false }
    return add(count, limit: limit)
  }

  /// Takes `count` bytes for a TLS handshake; false when they are not there. One byte of a peer is enough for it, so
  /// that all handshakes together have half of the budget, and large requests the rest.
  func reserveHandshake(_ count: Int, connection: ConnectionID) -> Bool {
    guard handshakes.add(count, ordering: .relaxed).newValue <= handshakeLimit,
      reserve(count, frameBytes: count, connection: connection)
    else {
      handshakes.subtract(count, ordering: .relaxed)
      return false
    }
    return true
  }

  /// Gives the bytes of a handshake back.
  func releaseHandshake(_ count: Int) {
    handshakes.subtract(count, ordering: .relaxed)
    release(count)
  }

  /// Takes bytes that have been read already.
  func take(_ count: Int) { used.add(count, ordering: .relaxed) }

  /// Gives bytes back.
  func release(_ count: Int) { used.subtract(count, ordering: .relaxed) }

  /// Lets another connection run in front.
  func frameEnded(_ connection: ConnectionID) {
    guard frontRunner.load(ordering: .relaxed) == connection.rawValue else { return }
    frontRunner.store(0, ordering: .relaxed)
  }

  private func runsInFront(_ connection: ConnectionID) -> Bool {
    let (isFirst, holder) = frontRunner.compareExchange(
      expected: 0, desired: connection.rawValue, ordering: .relaxed)
    return isFirst || holder == connection.rawValue
  }

  private func add(_ count: Int, limit: Int) -> Bool {
    var current = usedBytes
    while current + count <= limit {
      let (isDone, seen) = used.compareExchange(expected: current, desired: current + count, ordering: .relaxed)
      if isDone { return true }
      current = seen
    }
    return false
  }
}
