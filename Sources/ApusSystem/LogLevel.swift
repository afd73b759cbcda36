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

  /// The level of a name: `debug`, `info`, `warning` or `error`; nil for anything else.
  package init?(name: String) {
    switch name {
    case "debug": self = .debug
    case "info": self = .info
    case "warning": self = .warning
    case "error": self = .error
    default: return nil
    }
  }

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
