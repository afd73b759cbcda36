import ApusBase
import ApusSystem

/// What this process uses, as /proc tells it.
struct ProcessFigures: Hashable, Sendable {
  /// Processor time in user and kernel mode, in steps of 10 ms.
  var cpuNanoseconds: Int64
  /// Resident memory, mapped files included.
  var residentBytes: Int64
  /// Threads.
  var threads: Int64
  /// Address space; nil where the kernel does not tell.
  var virtualBytes: Int64?
  /// Resident memory that belongs to no file; nil where the kernel does not tell.
  var anonymousBytes: Int64?
  /// Open descriptors; nil when only texts were read.
  var openDescriptors: Int64?

  /// Reads the figures; nil where there is no /proc.
  init?() {
    guard let stat = ProcessIO.read("/proc/self/stat"), let status = ProcessIO.read("/proc/self/status") else {
      return nil
    }
    self.init(stat: String(decoding: stat, as: UTF8.self), status: String(decoding: status, as: UTF8.self))
    do throws(DiskError) {
      // The one by which they are listed is among them.
      openDescriptors = Int64(try PosixDisk().fileNames(in: "/proc/self/fd").count) - 1
    } catch {
      // Not known, which nil says.
    }
  }

  /// Takes the figures from the text of the two files; nil when they are not there.
  init?(stat: String, status: String) {
    // The name of the program, in parentheses, may hold anything; fields 14 and 15 are ticks of 1/100 s.
    guard let nameEnd = stat.lastIndex(of: ")") else { return nil }
    let fields = stat[stat.index(after: nameEnd)...].split(separator: " ")
    guard fields.count > 12, let user = Int64(fields[11]), let system = Int64(fields[12]) else { return nil }
    cpuNanoseconds = (user &+ system) &* 10_000_000
    func number(_ name: String) -> Int64? {
      let line = status.split(separator: "\n").first { $0.hasPrefix(name) }
      return line?.split { $0 == " " || $0 == "\t" }.dropFirst().first.flatMap { Int64($0) }
    }
    guard let kilobytes = number("VmRSS:"), let threads = number("Threads:") else { return nil }
    residentBytes = kilobytes &* 1024
    self.threads = threads
    virtualBytes = number("VmSize:").map { $0 &* 1024 }
    anonymousBytes = number("RssAnon:").map { $0 &* 1024 }
  }
}
