import ApusBase
import Glibc

/// What a program exchanges with whoever started it: text, environment, exit code.
package enum ProcessIO {
  /// Where a text goes.
  package enum Stream: Int32, Sendable {
    /// Results, for programs and people.
    case standardOutput = 1
    /// Everything else.
    case standardError = 2

    var name: String { self == .standardOutput ? "standard output" : "standard error" }
  }

  /// Writes a text at once, past the C library's buffer, so that a reader behind a pipe sees it. Returns why not all of
  /// it could be written; a server goes on then, as a reader that has gone is no reason to stop.
  @discardableResult
  package static func write(_ text: String, to stream: Stream) -> SystemError? {
    var text = text
    return text.withUTF8 { bytes -> SystemError? in
      do throws(SystemError) {
        try unsafe Syscall.writeAll(UnsafeRawBufferPointer(bytes), to: stream.rawValue, "write to \(stream.name)")
        return nil
      } catch {
        return error
      }
    }
  }

  /// Whether a stream is a terminal.
  package static func isTerminal(_ stream: Stream) -> Bool { isatty(stream.rawValue) == 1 }

  /// Whether standard input is a terminal, so that somebody can be asked.
  package static var isInputTerminal: Bool { isatty(STDIN_FILENO) == 1 }

  /// A variable of the environment, or nil when it is not set.
  package static func environment(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe String(validatingCString: value)
  }

  /// The whole content of a file of at most 16 MiB, /proc included; nil when it cannot be read.
  package static func read(_ path: String) -> [UInt8]? {
    do throws(SystemError) {
      return try contents(of: path)
    } catch {
      return nil
    }
  }

  /// The whole content of a file of at most 16 MiB, /proc included.
  package static func contents(of path: String, byteLimit: Int = 16 << 20) throws(SystemError) -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemError(errno: errno, operation: "open \(path)") }
    defer { close(descriptor) }
    var content: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = unsafe block.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw SystemError(errno: errno, operation: "read \(path)") }
      if count == 0 { return content }
      guard content.count + count <= byteLimit else { throw SystemError(errno: EFBIG, operation: "read \(path)") }
      content += block[..<count]
    }
  }

  /// Writes a file anew, and makes the directories above it where they are missing. A symbolic link in the file's place
  /// is refused.
  package static func write(_ bytes: [UInt8], toFile path: String) throws(SystemError) {
    for (index, character) in path.enumerated() where character == "/" && index > 0 {
      let directory = String(path.prefix(index))
      guard unsafe mkdir(directory, 0o755) == 0 || errno == EEXIST else {
        throw SystemError(errno: errno, operation: "create the directory \(directory)")
      }
    }
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw SystemError(errno: errno, operation: "write \(path)") }
    defer { close(descriptor) }
    try unsafe bytes.rawSpan.withUnsafeBytes { (bytes) throws(SystemError) in
      try unsafe Syscall.writeAll(bytes, to: descriptor, "write \(path)")
    }
  }

  /// The number of this process.
  package static var processID: Int32 { getpid() }

  /// Ends the process. Nothing that is buffered in memory is written any more.
  package static func exit(_ status: Int32) -> Never { Glibc.exit(status) }
}
