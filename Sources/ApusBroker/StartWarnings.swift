import ApusBase

/// What a broker finds at its start that will keep it from working, or from working as expected, before it does: each a
/// line for the operator. Nothing here refuses a start, as reading goes on in all of these cases.
enum StartWarnings {
  /// A clock may be this far behind without a word: that much a time server takes back at once.
  private static let clockTolerance = Duration.seconds(10)

  /// The lines.
  ///
  /// - Parameters:
  ///   - space: the file system of the log.
  ///   - logFileBytes: the length of a log file, `mappedFileSizeCommitLog`.
  ///   - newest: when the newest message was stored; nil when there is none.
  ///   - missing: files of `config` that should be there, as a stop in order leaves them.
  static func lines(
    logDirectory: String, space: DiskSpace, logFileBytes: Int64, newest: WallTime?, now: WallTime,
    missing: [String] = []
  ) -> [String] {
    var lines: [String] = []
    if space.available < logFileBytes {
      lines.append(
        "\(logDirectory): \(space.available >> 20) MiB are free, a log file takes \(logFileBytes >> 20) MiB: sends are "
          + "refused when the files there are full")
    }
    if newest != nil, !missing.isEmpty {
      lines.append(
        "config has no \(missing.joined(separator: ", ")), although there are messages and the last stop was in order: "
          + "topics, groups or offsets are not known; stop, and put a backup in place before clients begin anew")
    }
    if let newest {
      let behind = Duration.milliseconds(newest.milliseconds - now.milliseconds)
      if behind > clockTolerance {
        lines.append(
          "the clock is \(behind.components.seconds) s behind the newest message: searches by time and delays are "
            + "wrong until it has caught up")
      }
    }
    return lines
  }
}
