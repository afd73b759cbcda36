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
    guard let cpu = ProcText.processorTime(inStat: stat), let kilobytes = ProcText.number("VmRSS:", in: status),
      let threads = ProcText.number("Threads:", in: status)
    else { return nil }
    cpuNanoseconds = cpu.nanoseconds
    residentBytes = kilobytes &* 1024
    self.threads = threads
    virtualBytes = ProcText.number("VmSize:", in: status).map { $0 &* 1024 }
    anonymousBytes = ProcText.number("RssAnon:", in: status).map { $0 &* 1024 }
  }
}
