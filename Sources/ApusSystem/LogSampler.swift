import ApusBase

/// Decides which of many equal log lines are written: up to `limit` a second of each key, one in ten seconds of a key
/// with a subject; the rest is counted and told with the next line of that key, or once that time is over.
struct LogSampler {
  /// Lines of one key that were not written.
  struct Summary: Equatable {
    var key: Key
    var repeats: Int
  }

  /// What counts as the same line: everything but its fields.
  struct Key: Hashable {
    var level: LogLevel
    var component: String
    var message: String
    /// Whom the lines are about who may be away for long, as a server.
    var subject: String?

    /// For how long lines are counted together.
    fileprivate var window: Duration { subject == nil ? .seconds(1) : .seconds(10) }
  }

  private struct Entry {
    var windowStart: MonotonicTime
    var written: Int
    var repeats: Int
  }

  /// How often is looked for lines to be told.
  private static let sweepInterval = Duration.seconds(1)
  /// Keys looked after at most; with more of them, which is itself a flood, further ones are dropped and counted
  /// together.
  private static let keyLimit = 512
  private let limit: Int
  private var entries: [Key: Entry] = [:]
  private var nextSweep = MonotonicTime(nanoseconds: .min)
  private var overflow = 0

  init(limit: Int) { self.limit = limit }

  /// Whether a line is to be written: nil for no, else how many before it were not.
  mutating func admit(_ key: Key, at now: MonotonicTime) -> Int? {
    guard var entry = entries[key] else {
      guard entries.count < LogSampler.keyLimit else {
        overflow += 1
        return nil
      }
      entries[key] = Entry(windowStart: now, written: 1, repeats: 0)
      return 0
    }
    if now - entry.windowStart >= key.window {
      let repeats = entry.repeats
      entries[key] = Entry(windowStart: now, written: 1, repeats: 0)
      return repeats
    }
    guard entry.written < (key.subject == nil ? limit : 1) else {
      entry.repeats += 1
      entries[key] = entry
      return nil
    }
    entry.written += 1
    entries[key] = entry
    return 0
  }

  /// What was counted in times that are over, at most once a second; everything when `all` is set. Forgets those
  /// keys.
  mutating func summaries(at now: MonotonicTime, all: Bool = false) -> [Summary] {
    guard all || now >= nextSweep else { return [] }
    nextSweep = now + LogSampler.sweepInterval
    var summaries: [Summary] = []
    for (key, entry) in entries where all || now - entry.windowStart >= key.window {
      if entry.repeats > 0 { summaries.append(Summary(key: key, repeats: entry.repeats)) }
      entries[key] = nil
    }
    if overflow > 0 {
      let key = Key(level: .warning, component: "log", message: "lines of too many kinds were dropped")
      summaries.append(Summary(key: key, repeats: overflow))
      overflow = 0
    }
    return summaries
  }
}
