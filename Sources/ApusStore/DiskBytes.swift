package import ApusBase

/// The directory that a path lies in.
func directory(above path: String) -> String {
  guard let slash = path.lastIndex(of: "/") else { return "." }
  return slash == path.startIndex ? "/" : String(path[..<slash])
}

/// Whole runs of bytes to and from a ``Disk``.
extension Disk {
  /// Writes `bytes` at `offset`.
  package func write(_ file: DiskFile, at offset: Int64, bytes: RawSpan) throws(DiskError) {
    try unsafe bytes.withUnsafeBytes { (buffer) throws(DiskError) in
      try unsafe write(file, at: offset, from: buffer)
    }
  }

  /// Reads up to `count` bytes at `offset`; fewer only at the end of the file.
  package func bytes(of file: DiskFile, at offset: Int64, count: Int) throws(DiskError) -> [UInt8] {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
    defer { unsafe buffer.deallocate() }
    let read = try unsafe read(file, at: offset, into: buffer)
    return unsafe Array(buffer[..<read])
  }

  /// Puts a small file in the place of what has its name, which stays whole until the new one is on the device.
  package func replace(_ path: String, with bytes: RawSpan) throws(DiskError) {
    let temporary = path + ".tmp"
    try removeFile(temporary)
    do {
      let file = try OpenFile(disk: self, path: temporary, create: true)
      try write(file.file, at: 0, bytes: bytes)
      try sync(file.file)
    }
    try rename(temporary, to: path)
    try syncDirectory(directory(above: path))
  }

  /// Whether a directory is on the device of the one that it stands in.
  func isOnDeviceAbove(_ path: String) throws(DiskError) -> Bool {
    try sharesDevice(path, with: directory(above: path))
  }

  /// The whole of a small file; nil when it does not exist.
  func contents(of path: String, limit: Int) throws(DiskError) -> [UInt8]? {
    do throws(DiskError) {
      let file = try OpenFile(disk: self, path: path, create: false)
      return try bytes(of: file.file, at: 0, count: min(limit, Int(length(of: file.file))))
    } catch  where error.code == .notFound {
      return nil
    }
  }
}
