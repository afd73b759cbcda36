import ApusBase
import ApusSystem
import Testing

extension Patience {
  /// Asks until a condition holds that stays true once it does; fails the test when it never does.
  static func wait(at location: SourceLocation = #_sourceLocation, until holds: () throws -> Bool) throws {
    let deadline = SystemClock.monotonic() + limit
    while try !holds() {
      try #require(SystemClock.monotonic() < deadline, "waited in vain", sourceLocation: location)
    }
  }
}
