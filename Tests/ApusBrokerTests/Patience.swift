import ApusBase
import ApusSystem
import Testing

/// How long a test waits for what has to come: so long that only a fault lets it pass, also on a machine whose threads
/// stand still for seconds.
enum Patience {
  static let limit = Duration.seconds(300)

  /// Asks until a condition holds that stays true once it does; fails the test when it never does.
  static func wait(at location: SourceLocation = #_sourceLocation, until holds: () throws -> Bool) throws {
    let deadline = SystemClock.monotonic() + limit
    while try !holds() {
      try #require(SystemClock.monotonic() < deadline, "waited in vain", sourceLocation: location)
    }
  }
}
