/// Whole runs of bytes to and from a ``Disk``, and small files as a whole.
extension Disk {
  /// Writes `bytes` at `offset`.
  package func write(_ file: DiskFile, at offset: Int64, bytes: RawSpan) throws(DiskError) {
    try unsafe bytes.withUnsafeBytes { (buffer) throws(DiskError) in
      try unsafe write(file, at: offset, from: buffer)
    }
  }

  /// Reads up to `count` bytes at `offset`; fewer only at the end of the file.
  package func bytes(of file: DiskFile, at offset: Int64, count: Int) throws(DiskError) -> [UInt8] {
    try unsafe [UInt8](unsafeUninitializedCapacity: count) { (buffer, filled) throws(DiskError) in
      filled = try unsafe read(file, at: offset, into: UnsafeMutableRawBufferPointer(buffer))
    }
  }

  /// What a small file holds, up to `limit` bytes; nil when it does not exist.
  package func contents(of path: String, limit: Int) throws(DiskError) -> [UInt8]? {
    do throws(DiskError) {
      let file = try open(path, create: false)
      defer { close(file) }
      return try bytes(of: file, at: 0, count: min(limit, Int(length(of: file))))
    } catch  where error.code == .notFound {
      return nil
    }
  }

  /// Puts a small file in the place of what has its name, which stays whole until the new one is on the device. Who may
  /// read it stays.
  package func replace(_ path: String, with bytes: RawSpan) throws(DiskError) {
    try rename(writeReplacement(of: path, with: bytes), to: path)
    try syncDirectory(DiskPath.directory(of: path))
  }

  /// Writes what is to take the place of a file beside it, whole and on the device, and returns the path that it has
  /// until it is renamed. No more users may read it than may read the file.
  func writeReplacement(of path: String, with bytes: RawSpan) throws(DiskError) -> String {
    let temporary = path + ".tmp"
    try removeFile(temporary)
    let file = try open(temporary, create: true)
    defer { close(file) }
    // Before anything is in it: a file of settings may hold a password.
    try keepAccess(of: path, for: file)
    if !bytes.isEmpty { try write(file, at: 0, bytes: bytes) }
    try sync(file)
    return temporary
  }
}
