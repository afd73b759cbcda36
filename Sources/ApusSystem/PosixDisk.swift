package import ApusBase
import CPosix
import Glibc

/// The machine's file system. It has no state: every call may come from any thread.
package final class PosixDisk: Disk {
  /// What may be done to files and directories.
  package enum Access: Sendable {
    /// Nothing is made, changed or removed; who tries is told `.denied`. Being allowed to read is enough.
    case reading
    /// Everything.
    case writing
  }

  private let access: Access

  /// Makes the interface to the file system.
  package init(_ access: Access = .writing) { self.access = access }

  /// The entries by `readdir` and `stat`; links are followed, dead ones left out.
  package func list(_ directory: String) throws(DiskError) -> [DiskEntry] {
    var entries: [DiskEntry] = []
    for (name, isDirectory) in try readDirectory(directory) {
      if isDirectory {
        entries.append(DiskEntry(name: name, isDirectory: true, length: 0))
        continue
      }
      var status = apus_file_status()
      let result = unsafe apus_stat(directory + "/" + name, &status)
      // It may have been removed since, and a link may lead nowhere.
      if result == -ENOENT { continue }
      try check(result, "stat", directory + "/" + name)
      let leadsToDirectory = status.is_directory != 0
      entries.append(
        DiskEntry(name: name, isDirectory: leadsToDirectory, length: leadsToDirectory ? 0 : status.length))
    }
    return entries.sorted { $0.name < $1.name }
  }

  /// As `mkdir -p`, with mode 0755.
  package func createDirectory(_ path: String) throws(DiskError) {
    try requireWriting("mkdir", path)
    let result = unsafe apus_mkdir(path, 0o755)
    let parent = DiskPath.directory(of: path)
    if result == -ENOENT, parent != "/", parent != "." {
      try createDirectory(parent)
      let again = unsafe apus_mkdir(path, 0o755)
      if again != -EEXIST { try check(again, "mkdir", path) }
    } else if result == -EEXIST {
      var status = apus_file_status()
      try unsafe check(apus_stat(path, &status), "stat", path)
      if status.is_directory == 0 { throw DiskError(.failed(ENOTDIR), operation: "mkdir", path: path) }
    } else {
      try check(result, "mkdir", path)
    }
  }

  /// By `unlink`.
  package func removeFile(_ path: String) throws(DiskError) {
    try requireWriting("unlink", path)
    let result = unsafe apus_unlink(path)
    if result != -ENOENT { try check(result, "unlink", path) }
  }

  /// As `rm -r`; links are removed, not followed.
  package func removeDirectory(_ path: String) throws(DiskError) {
    try requireWriting("rmdir", path)
    var status = apus_file_status()
    let result = unsafe apus_lstat(path, &status)
    if result == -ENOENT { return }
    try check(result, "lstat", path)
    // A link to a directory goes, the directory it leads to stays.
    guard status.is_directory != 0 else { return try removeFile(path) }
    for (name, _) in try readDirectory(path) {
      let entry = path + "/" + name
      let removed = unsafe apus_unlink(entry)
      if removed == -EISDIR || removed == -EPERM {
        try removeDirectory(entry)
      } else if removed != -ENOENT {
        try check(removed, "unlink", entry)
      }
    }
    let removed = unsafe apus_rmdir(path)
    if removed != -ENOENT { try check(removed, "rmdir", path) }
  }

  /// By `readdir` alone, so that dead links are among them.
  package func fileNames(in directory: String) throws(DiskError) -> [String] {
    try readDirectory(directory).filter { !$0.isDirectory }.map { $0.name }.sorted()
  }

  /// What stands in a directory, in the order of the file system; nothing for one that is not there. A link is no
  /// directory, wherever it leads.
  private func readDirectory(_ directory: String) throws(DiskError) -> [(name: String, isDirectory: Bool)] {
    var handle: UnsafeMutableRawPointer?
    let opened = unsafe apus_opendir(directory, &handle)
    if opened == -ENOENT { return [] }
    guard opened == 0, let handle = unsafe handle else { throw error(opened, "opendir", directory) }
    defer { unsafe apus_closedir(handle) }
    var entries: [(name: String, isDirectory: Bool)] = []
    var failure: Int32 = 0
    var isDirectory: Int32 = 0
    while let start = unsafe apus_readdir(handle, &isDirectory, &failure) {
      let name = unsafe String(cString: start)
      if name != ".", name != ".." { entries.append((name, isDirectory != 0)) }
    }
    guard failure == 0 else { throw error(-failure, "readdir", directory) }
    return entries
  }

  /// By `rename`.
  package func rename(_ path: String, to newPath: String) throws(DiskError) {
    try requireWriting("rename", path)
    try unsafe check(apus_rename(path, newPath), "rename", path)
  }

  /// By `fsync` of the directory.
  package func syncDirectory(_ path: String) throws(DiskError) {
    let descriptor = try unsafe check(apus_open(path, O_RDONLY | O_DIRECTORY, 0), "open", path)
    defer { _ = apus_close(descriptor) }
    try check(apus_fsync(descriptor), "fsync", path)
  }

  /// By `open`, new files with mode 0644.
  package func open(_ path: String, create: Bool) throws(DiskError) -> DiskFile {
    if create { try requireWriting("open", path) }
    let flags = create ? O_RDWR | O_CREAT : access == .reading ? O_RDONLY : O_RDWR
    return DiskFile(id: try unsafe check(apus_open(path, flags, 0o644), "open", path))
  }

  /// A write lock on the first byte, of the kind that belongs to the open file. The file then holds `lock`, as Java
  /// writes it.
  package func lock(_ path: String) throws(DiskError) -> DiskFile {
    let file = try open(path, create: true)
    do throws(DiskError) {
      try lockFirstByte(of: file, path, shared: false)
      // Java writes the word too (DefaultMessageStore.start).
      var text = (UInt8(ascii: "l"), UInt8(ascii: "o"), UInt8(ascii: "c"), UInt8(ascii: "k"))
      try unsafe withUnsafeBytes(of: &text) { (bytes) throws(DiskError) in
        try unsafe write(file, at: 0, from: bytes)
      }
    } catch {
      close(file)
      throw error
    }
    return file
  }

  /// A read lock of what ``lock(_:)`` locks: any number of readers have it together, and nobody the write lock
  /// meanwhile. Throws `.locked` when somebody has that one; nil when the file was never made, so that nobody can.
  package func lockShared(_ path: String) throws(DiskError) -> DiskFile? {
    let file: DiskFile
    do throws(DiskError) {
      file = try open(path, create: false)
    } catch {
      if error.code == .notFound { return nil }
      throw error
    }
    do throws(DiskError) {
      try lockFirstByte(of: file, path, shared: true)
    } catch {
      close(file)
      throw error
    }
    return file
  }

  private func lockFirstByte(of file: DiskFile, _ path: String, shared: Bool) throws(DiskError) {
    let result = apus_lock_first_byte(file.id, shared ? 1 : 0)
    if result == -EAGAIN || result == -EACCES { throw DiskError(.locked, operation: "lock", path: path) }
    try check(result, "lock", path)
  }

  /// By `fchown` and `fchmod`. An owner that may not be given away stays, and the group is shut out then.
  package func keepAccess(of path: String, for file: DiskFile) throws(DiskError) {
    do throws(SystemError) {
      try PrivateFile.takeOver(path, to: file.id, path)
    } catch {
      let code = error.errno
      throw self.error(-code, "fchmod", path)
    }
  }

  /// By `close`. Everything that must last was synced before.
  package func close(_ file: DiskFile) {
    // What it could still report has no addressee.
    _ = apus_close(file.id)
  }

  /// By `fstat`.
  package func length(of file: DiskFile) throws(DiskError) -> Int64 {
    var status = apus_file_status()
    try unsafe check(apus_fstat(file.id, &status), "fstat", path(of: file))
    return status.length
  }

  /// By `stat`, cut to milliseconds.
  package func modificationTime(of path: String) throws(DiskError) -> WallTime {
    var status = apus_file_status()
    try unsafe check(apus_stat(path, &status), "stat", path)
    return WallTime(milliseconds: status.modified_milliseconds)
  }

  /// By `ftruncate`.
  package func setLength(of file: DiskFile, to length: Int64) throws(DiskError) {
    try check(apus_ftruncate(file.id, length), "ftruncate", path(of: file))
  }

  /// By `lseek` SEEK_DATA and SEEK_HOLE.
  package func data(of file: DiskFile, from offset: Int64) throws(DiskError) -> Range<Int64>? {
    var run = apus_run()
    let result = unsafe apus_next_data(file.id, offset, &run)
    // No data follows, or the offset lies behind the end.
    if result == -ENXIO { return nil }
    // File systems that know no holes answer this.
    if result == -EINVAL || result == -EOPNOTSUPP {
      let length = try length(of: file)
      return offset < length ? offset..<length : nil
    }
    try check(result, "lseek", path(of: file))
    return run.start..<max(run.start, run.end)
  }

  /// By `fallocate`; `.unsupported` where the file system lacks it.
  package func allocate(_ file: DiskFile, length: Int64) throws(DiskError) {
    // A signal makes the call start over; after many of them something is wrong.
    for _ in 0..<100 {
      let result = apus_fallocate(file.id, length)
      if result == -EINTR { continue }
      try check(result, "fallocate", path(of: file))
      return
    }
    throw error(-EINTR, "fallocate", path(of: file))
  }

  /// By `pread`, as often as it takes.
  package func read(
    _ file: DiskFile, at offset: Int64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(DiskError) -> Int {
    var done = 0
    while done < buffer.count {
      let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
      let count = unsafe apus_pread(file.id, rest.baseAddress, rest.count, offset + Int64(done))
      if count == 0 { break }
      done += Int(try check(count, "pread", path(of: file)))
    }
    return done
  }

  /// By `preadv2` with RWF_NOWAIT; nil also where the file system cannot tell.
  package func readIfCached(
    _ file: DiskFile, at offset: Int64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(DiskError) -> Int? {
    var done = 0
    while done < buffer.count {
      let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
      let count = unsafe apus_pread_cached(file.id, rest.baseAddress, rest.count, offset + Int64(done))
      if count == 0 { break }
      if count == -Int(EAGAIN) { return nil }
      // File systems that cannot tell (tmpfs before Linux 6.3) always have to be asked the waiting way.
      if count == -Int(EOPNOTSUPP) { return nil }
      done += Int(try check(count, "preadv2", path(of: file)))
    }
    return done
  }

  /// By `pwrite`, as often as it takes.
  package func write(_ file: DiskFile, at offset: Int64, from buffer: UnsafeRawBufferPointer) throws(DiskError) {
    var done = 0
    while done < buffer.count {
      let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[done...])
      let count = unsafe apus_pwrite(file.id, rest.baseAddress, rest.count, offset + Int64(done))
      done += Int(try check(count, "pwrite", path(of: file)))
    }
  }

  /// By `fdatasync`.
  package func sync(_ file: DiskFile) throws(DiskError) {
    try check(apus_fdatasync(file.id), "fdatasync", path(of: file))
  }

  /// By `syncfs`, which tells of failed writes since Linux 5.8.
  package func syncAll(at path: String) throws(DiskError) {
    let descriptor = try unsafe check(apus_open(path, O_RDONLY, 0), "open", path)
    defer { _ = apus_close(descriptor) }
    try check(apus_syncfs(descriptor), "syncfs", path)
  }

  /// By `stat`.
  package func sharesDevice(_ directory: String, with other: String) throws(DiskError) -> Bool {
    var (first, second) = (apus_file_status(), apus_file_status())
    try unsafe check(apus_stat(directory, &first), "stat", directory)
    try unsafe check(apus_stat(other, &second), "stat", other)
    return first.device == second.device
  }

  /// By `statvfs`.
  package func space(of path: String) throws(DiskError) -> DiskSpace {
    var space = apus_volume()
    try unsafe check(apus_space(path, &space), "statvfs", path)
    return DiskSpace(total: space.total, free: space.free, available: space.available)
  }
}

extension PosixDisk {
  /// By `mmap`, shared; `.exhausted` when the process has as many mappings as it may.
  package func map(_ file: DiskFile, length: Int, writable: Bool) throws(DiskError) -> Segment {
    var base: UnsafeMutableRawPointer?
    let result = unsafe apus_map(file.id, length, writable ? 1 : 0, &base)
    // Linux says "no memory" when a process has as many mappings as it may.
    if result == -ENOMEM { throw DiskError(.exhausted, operation: "mmap", path: path(of: file)) }
    guard result == 0, let base = unsafe base else { throw error(result, "mmap", path(of: file)) }
    unsafe apus_note_mapping(base, length, file.id)
    return unsafe Segment(base: base, capacity: length, file: file)
  }

  /// By `munmap`.
  package func unmap(_ segment: Segment) {
    unsafe apus_forget_mapping(segment.base)
    let result = unsafe apus_unmap(segment.base, segment.capacity)
    precondition(result == 0, "munmap failed with \(-result)")
  }

  /// By `madvise` MADV_POPULATE_WRITE; `.unsupported` before Linux 5.14.
  package func populate(_ segment: Segment, _ range: Range<Int>) throws(DiskError) {
    guard let pages = unsafe pages(of: segment, range) else { return }
    let result = unsafe apus_populate_write(pages.baseAddress, pages.count)
    // EFAULT: a write there would raise SIGBUS, as there is no block for it.
    if result == -EFAULT { throw DiskError(.full, operation: "madvise", path: path(of: segment.file)) }
    // Before Linux 5.14.
    if result == -EINVAL { throw DiskError(.unsupported, operation: "madvise", path: path(of: segment.file)) }
    try check(result, "madvise", path(of: segment.file))
  }

  /// By `msync` MS_SYNC of the pages that the range touches.
  package func flush(_ segment: Segment, _ range: Range<Int>) throws(DiskError) {
    guard let pages = unsafe pages(of: segment, range) else { return }
    try check(unsafe apus_msync(pages.baseAddress, pages.count), "msync", path(of: segment.file))
  }

  /// By `mincore`.
  package func isResident(_ segment: Segment, _ range: Range<Int>) -> Bool {
    guard let pages = unsafe pages(of: segment, range) else { return true }
    return unsafe apus_resident(pages.baseAddress, pages.count, PosixDisk.pageSize) == 1
  }

  /// By `madvise` MADV_POPULATE_READ. Only a hint: when it fails the reader waits.
  package func warm(_ segment: Segment, _ range: Range<Int>) {
    guard let pages = unsafe pages(of: segment, range) else { return }
    _ = unsafe apus_populate_read(pages.baseAddress, pages.count)
  }

  /// The pages that a range touches; nil when it is empty.
  private func pages(of segment: Segment, _ range: Range<Int>) -> UnsafeMutableRawBufferPointer? {
    precondition(range.lowerBound >= 0 && range.upperBound <= segment.capacity, "range outside of the segment")
    guard !range.isEmpty else { return nil }
    let start = range.lowerBound & ~(PosixDisk.pageSize - 1)
    return unsafe UnsafeMutableRawBufferPointer(start: segment.base + start, count: range.upperBound - start)
  }

  private static let pageSize = Int(apus_page_size())
}

extension PosixDisk {
  private func requireWriting(_ operation: String, _ path: String) throws(DiskError) {
    guard access == .writing else { throw DiskError(.denied, operation: operation, path: path) }
  }

  /// What a descriptor was opened as, for messages.
  private func path(of file: DiskFile) -> String { "descriptor \(file.id)" }

  @discardableResult
  private func check<Result: SignedInteger>(
    _ result: Result, _ operation: StaticString, _ path: @autoclosure () -> String
  ) throws(DiskError) -> Result {
    guard result >= 0 else { throw error(Int32(result), operation, path()) }
    return result
  }

  /// The error for a negated error number.
  private func error(_ result: Int32, _ operation: StaticString, _ path: String) -> DiskError {
    let code: DiskError.Code =
      switch -result {
      case ENOSPC, EDQUOT: .full
      case ENOENT, ENOTDIR: .notFound
      case EACCES, EPERM, EROFS: .denied
      case EMFILE, ENFILE: .exhausted
      case EOPNOTSUPP, ENOSYS: .unsupported
      default: .failed(-result)
      }
    return DiskError(code, operation: "\(operation)", path: path)
  }
}
