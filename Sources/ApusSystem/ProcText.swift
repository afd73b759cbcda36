/// What files of /proc say, read from their text.
package enum ProcText {
  /// The processor time in user and kernel mode, in steps of 10 ms, that `/proc/PID/stat` tells; nil when it is not
  /// there.
  package static func processorTime(inStat text: String) -> Duration? {
    // The name of the program, in parentheses, may hold anything; fields 14 and 15 are ticks of 1/100 s.
    guard let nameEnd = text.lastIndex(of: ")") else { return nil }
    let fields = text[text.index(after: nameEnd)...].split(separator: " ")
    guard fields.count > 12, let user = Int64(fields[11]), let system = Int64(fields[12]) else { return nil }
    return .milliseconds((user &+ system) &* 10)
  }

  /// The number of the line that begins with `name`, which includes the colon, in `status` or `meminfo`; nil when there
  /// is none. Sizes are in kB.
  package static func number(_ name: String, in text: String) -> Int64? {
    let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
    return line?.split { $0 == " " || $0 == "\t" }.dropFirst().first.flatMap { Int64($0) }
  }
}
