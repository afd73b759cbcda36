import ApusSystem

/// What a process on this machine has used, as /proc tells it.
package struct ProcessUsage: Hashable, Sendable {
  /// Processor time in user and kernel mode, in steps of 10 ms.
  package var cpu: Duration
  /// Memory of its own: resident, and not of a file.
  package var anonymousBytes: Int64

  /// Tells figures.
  package init(cpu: Duration, anonymousBytes: Int64) {
    self.cpu = cpu
    self.anonymousBytes = anonymousBytes
  }

  /// Reads the figures of a process; nil when there is none of that number.
  package init?(of process: Int32) {
    guard let stat = ProcessIO.read("/proc/\(process)/stat"), let status = ProcessIO.read("/proc/\(process)/status")
    else { return nil }
    self.init(stat: String(decoding: stat, as: UTF8.self), status: String(decoding: status, as: UTF8.self))
  }

  /// Takes the figures from the text of the two files; nil when they are not there.
  init?(stat: String, status: String) {
    guard let cpu = ProcText.processorTime(inStat: stat), let kilobytes = ProcText.number("RssAnon:", in: status) else {
      return nil
    }
    self.init(cpu: cpu, anonymousBytes: kilobytes &* 1024)
  }
}
