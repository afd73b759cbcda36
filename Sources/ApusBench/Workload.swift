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

/// The requests that one connection has in flight: a fixed number of places, each with the time its request was due.
struct InFlight {
  private var due: [MonotonicTime]
  private var isTaken: [Bool]
  private var free: [Int]

  /// Makes `window` places.
  init(window: Int) {
    due = Array(repeating: MonotonicTime(nanoseconds: 0), count: window)
    isTaken = Array(repeating: false, count: window)
    free = Array((0..<window).reversed())
  }

  /// Whether another request may be sent.
  var hasRoom: Bool { !free.isEmpty }
  /// The times at which the unanswered requests were due.
  var waiting: [MonotonicTime] { due.indices.filter { isTaken[$0] }.map { due[$0] } }

  /// Takes a place and returns the number of its request. There must be room.
  mutating func take(due time: MonotonicTime) -> Int32 {
    let place = free.removeLast()
    due[place] = time
    isTaken[place] = true
    return RequestTemplate.numberBase + Int32(place)
  }

  /// Gives the place of an answered request back; nil for an answer that nobody waits for.
  mutating func release(_ number: Int32) -> MonotonicTime? {
    let place = Int(number) - Int(RequestTemplate.numberBase)
    guard isTaken.indices.contains(place), isTaken[place] else { return nil }
    isTaken[place] = false
    free.append(place)
    return due[place]
  }
}
