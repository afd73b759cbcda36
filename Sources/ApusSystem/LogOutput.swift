import ApusBase
import CPosix
import Glibc

/// Where log lines go: a descriptor, or a file that is put aside when it has grown to its limit.
final class LogOutput: @unchecked Sendable {
  /// The file that is written to, by the lock below.
  private struct File {
    let path: String
    let byteLimit: Int64
    let keep: Int
    var descriptor: Int32
    var length: Int64
  }

  /// Held over the write, the one lock that may be: a line has to be counted to the file it went to, and turning the
  /// files over has to be seen whole. Without a file there is no lock, as one write of a line is whole by itself.
  private let lock = Lock()
  private var file: File?
  private let descriptor: Int32

  /// Writes to a descriptor, which stays the caller's.
  init(descriptor: Int32) { self.descriptor = descriptor }

  /// Appends to the file at `path`; at `byteLimit` bytes it becomes `path.1`, that one `path.2`, up to `keep` old ones.
  init(path: String, byteLimit: Int64, keep: Int) throws(SystemError) {
    precondition(byteLimit > 0 && keep >= 0, "a log file needs a limit")
    let (descriptor, length) = try LogOutput.openFile(path)
    self.descriptor = 2
    file = File(path: path, byteLimit: byteLimit, keep: keep, descriptor: descriptor, length: length)
  }

  deinit {
    if let file { _ = apus_close(file.descriptor) }
  }

  private static func openFile(_ path: String) throws(SystemError) -> (descriptor: Int32, length: Int64) {
    let flags = O_WRONLY | O_APPEND | O_CREAT
    let descriptor = try unsafe Syscall.check(apus_open(path, flags, 0o644), "open \(path)")
    var status = apus_file_status()
    let result = unsafe apus_fstat(descriptor, &status)
    guard result == 0 else {
      _ = apus_close(descriptor)
      throw SystemError(errno: -result, operation: "fstat \(path)")
    }
    return (descriptor, status.length)
  }

  /// Writes a line, or several. When the file cannot take it, it goes to stderr; there is nobody else to tell.
  func write(_ line: String) {
    var line = line
    line.withUTF8 { bytes in
      let bytes = UnsafeRawBufferPointer(bytes)
      lock.withLock {
        guard var current = file else {
          _ = unsafe LogOutput.writeAll(bytes, to: descriptor)
          return
        }
        if current.length > 0 && current.length + Int64(bytes.count) > current.byteLimit { turnOver(&current) }
        if unsafe LogOutput.writeAll(bytes, to: current.descriptor) {
          current.length += Int64(bytes.count)
        } else {
          _ = unsafe LogOutput.writeAll(bytes, to: descriptor)
        }
        file = current
      }
    }
  }

  /// Opens the file's path anew, after somebody has moved the file away. When that fails, the file that is open is
  /// written to further, and a line there says so.
  func reopen() {
    do throws(SystemError) {
      try lock.withLock { () throws(SystemError) -> Void in
        guard var current = file else { return }
        let (descriptor, length) = try LogOutput.openFile(current.path)
        _ = apus_close(current.descriptor)
        current.descriptor = descriptor
        current.length = length
        file = current
      }
    } catch {
      write(
        LogLine.text(
          .warning, "log", "the log file cannot be opened anew, the one before is written to", ["cause": error],
          repeats: 0, at: SystemClock.wall()))
    }
  }

  private static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
    do throws(SystemError) {
      try unsafe Syscall.writeAll(bytes, to: descriptor, "write to the log")
      return true
    } catch {
      return false
    }
  }

  /// Puts the full file aside and starts a new one; keeps writing to the full one when that fails.
  private func turnOver(_ current: inout File) {
    for number in stride(from: current.keep, to: 0, by: -1) {
      let older = "\(current.path).\(number)"
      let newer = number == 1 ? current.path : "\(current.path).\(number - 1)"
      // A missing one is the rule until there are `keep` of them.
      _ = unsafe apus_rename(newer, older)
    }
    if current.keep == 0 { _ = unsafe apus_unlink(current.path) }
    do throws(SystemError) {
      let (descriptor, length) = try LogOutput.openFile(current.path)
      _ = apus_close(current.descriptor)
      current.descriptor = descriptor
      current.length = length
    } catch {
      // Tried again after as much has been written once more.
      current.length = 0
    }
  }
}
