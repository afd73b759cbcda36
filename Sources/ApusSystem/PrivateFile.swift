import ApusBase
import Glibc

/// Small files with secrets, replaced as a whole: no moment shows half a file, and no copy is readable by more users
/// than the file was.
package enum PrivateFile {
  /// Replaces a file's content durably: a temporary file next to it, synced, takes its name. Mode and owner stay; a new
  /// file is its owner's alone. Of a symbolic link the target is replaced.
  package static func replace(_ path: String, with content: [UInt8]) throws(SystemError) {
    let target = resolved(path)
    let temporary = target + ".tmp"
    _ = unsafe unlink(temporary)
    let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw SystemError(errno: errno, operation: "create \(temporary)") }
    do throws(SystemError) {
      defer { close(descriptor) }
      try unsafe content.rawSpan.withUnsafeBytes { (bytes) throws(SystemError) in
        try unsafe Syscall.writeAll(bytes, to: descriptor, "write \(temporary)")
      }
      try takeOver(target, to: descriptor, temporary)
      guard fsync(descriptor) == 0 else { throw SystemError(errno: errno, operation: "fsync \(temporary)") }
    } catch {
      _ = unsafe unlink(temporary)
      throw error
    }
    guard unsafe rename(temporary, target) == 0 else {
      let error = SystemError(errno: errno, operation: "rename \(temporary)")
      _ = unsafe unlink(temporary)
      throw error
    }
    try syncDirectory(of: target)
  }

  /// Gives the new file owner and mode of the old one. An owner that may not be given away stays; then the mode must
  /// not let the group in that the file had for another owner's sake.
  static func takeOver(_ path: String, to descriptor: Int32, _ temporary: String) throws(SystemError) {
    var known = stat()
    guard unsafe stat(path, &known) == 0 else {
      guard errno == ENOENT else { throw SystemError(errno: errno, operation: "stat \(path)") }
      return
    }
    let isOwned = fchown(descriptor, known.st_uid, known.st_gid) == 0
    let mode = known.st_mode & (isOwned ? 0o777 : 0o707)
    guard fchmod(descriptor, mode) == 0 else { throw SystemError(errno: errno, operation: "fchmod \(temporary)") }
  }

  /// The path behind symbolic links; the path itself when it does not exist yet.
  package static func resolved(_ path: String) -> String {
    guard let real = unsafe realpath(path, nil) else { return path }
    defer { unsafe free(real) }
    return unsafe String(cString: real)
  }

  private static func syncDirectory(of path: String) throws(SystemError) {
    let directory = DiskPath.directory(of: path)
    let descriptor = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemError(errno: errno, operation: "open \(directory)") }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw SystemError(errno: errno, operation: "fsync \(directory)") }
  }
}
