/// How much a log line matters.
package enum LogLevel: UInt8, Comparable, Sendable, CaseIterable {
  /// For the developer who hunts something.
  case debug
  /// What an operator wants to find afterwards.
  case info
  /// Something is not as it should be and was coped with.
  case warning
  /// Something that was asked for could not be done.
  case error

  /// Orders by weight.
  package static func < (left: LogLevel, right: LogLevel) -> Bool { left.rawValue < right.rawValue }

  /// The word in the line.
  var word: String {
    switch self {
    case .debug: "DEBUG"
    case .info: "INFO"
    case .warning: "WARN"
    case .error: "ERROR"
    }
  }
}
