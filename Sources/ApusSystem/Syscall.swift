import CPosix
import Glibc

/// A system call that failed.
package struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The number of the cause.
  package let errno: Int32
  /// The call, and what it was about.
  package let operation: String
  /// Why it failed, where no error number says it; nil where one does.
  package let reason: String?

  /// Describes a failed call.
  package init(errno: Int32, operation: String, reason: String? = nil) {
    self.errno = errno
    self.operation = operation
    self.reason = reason
  }

  /// Whether binding failed because another socket has the port.
  package var isPortInUse: Bool { errno == EADDRINUSE }
  /// Whether whoever read what was written has gone.
  package var isBrokenPipe: Bool { errno == EPIPE }
  /// Whether there is no such file.
  package var isNotFound: Bool { errno == ENOENT }

  /// One line naming the call and the cause.
  package var description: String { "\(operation): \(reason ?? SystemError.text(errno))" }

  /// What the C library says about an error number.
  package static func text(_ errno: Int32) -> String {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      guard let start = buffer.baseAddress, unsafe strerror_r(errno, start, buffer.count) == 0 else {
        return "errno \(errno)"
      }
      return unsafe String(cString: start)
    }
  }
}

/// The outcome of a call of the C shim, which answers a count or the negated error number.
enum Syscall {
  /// Passes a result on, throws what it says when it is negative.
  @discardableResult
  static func check<Result: SignedInteger>(
    _ result: Result, _ operation: @autoclosure () -> String
  ) throws(SystemError) -> Result {
    guard result >= 0 else { throw SystemError(errno: Int32(-result), operation: operation()) }
    return result
  }

  /// Writes all bytes to a descriptor, with as many calls as it takes.
  static func writeAll(
    _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, _ operation: @autoclosure () -> String
  ) throws(SystemError) {
    var done = 0
    while done < bytes.count {
      let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[done...])
      let count = try unsafe check(apus_write(descriptor, rest.baseAddress, rest.count), operation())
      guard count > 0 else { throw SystemError(errno: EIO, operation: operation()) }
      done += count
    }
  }
}
