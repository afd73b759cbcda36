import ApusBase
import ApusSystem

/// A kind of load. It owns no connections: it fills their output and is told what came back.
protocol Workload: AnyObject {
  /// How many connections it wants.
  var connectionCount: Int { get }
  /// All connections are open: the load begins.
  func begin(_ run: BenchRun)
  /// An answer has come on a connection.
  func received(_ response: borrowing Response, on connection: BenchConnection, of run: BenchRun)
  /// Called every turn while there is a rate to keep.
  func pace(_ run: BenchRun)
  /// Whether there is nothing left to do.
  var isFinished: Bool { get }
  /// How long the oldest request that nobody has answered has waited, and how many there are.
  func unanswered(at now: MonotonicTime) -> (count: Int, oldest: Duration)
}
