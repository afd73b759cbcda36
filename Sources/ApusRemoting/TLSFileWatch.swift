import ApusSystem

/// Tells when files that change have come to rest: certificate and key are rarely replaced in one moment, and between
/// the two they do not fit.
struct TLSFileWatch {
  private var used: [FileStamp?]
  private var seen: [FileStamp?]

  /// `stamps` are those of the files in use.
  init(_ stamps: [FileStamp?]) {
    used = stamps
    seen = stamps
  }

  /// Looks at the files' stamps. True once for each change, when they are the same as the last time.
  mutating func isDue(_ stamps: [FileStamp?]) -> Bool {
    defer { seen = stamps }
    guard stamps == seen, stamps != used else { return false }
    used = stamps
    return true
  }
}
