package import ApusBase
import ApusStoreCore

extension MessageIndex {
  /// What a start knows of how the store was left.
  package struct Left: Hashable, Sendable {
    /// Whether the last stop was clean.
    package var cleanly: Bool
    /// The checkpoint's index time; 0 without a checkpoint.
    package var checkpoint: WallTime
    /// The end of the log after its recovery.
    package var logEnd: PhysicalOffset

    /// Describes how the store was left.
    package init(cleanly: Bool, checkpoint: WallTime, logEnd: PhysicalOffset) {
      self.cleanly = cleanly
      self.checkpoint = checkpoint
      self.logEnd = logEnd
    }
  }

  /// Opens the files of a directory, which need not exist. The first file that cannot be trusted is removed with all
  /// newer ones, as indexing goes on at the end of what is kept: it has another length than configured, its header
  /// makes no sense or does not follow the file before, it holds records that the log lost, or a crash may have torn
  /// it.
  ///
  /// - Returns: the index, and the names of the files that were removed.
  package static func open(
    disk: any Disk, settings: Settings, after left: Left
  ) throws(DiskError) -> (index: MessageIndex, removed: [String]) {
    try disk.createDirectory(settings.directory)
    try disk.syncDirectory(DiskPath.directory(of: settings.directory))
    let names = try disk.list(settings.directory).filter { !$0.isDirectory && isFileName($0.name) }
    var files: [IndexFile] = []
    for entry in names {
      guard entry.length == settings.layout.fileBytes,
        let file = try map(entry.name, disk: disk, settings: settings, durableUpTo: left.checkpoint)
      else { break }
      if follows(file.header, files.last?.header), isTrusted(file, isNewest: entry == names.last, left) {
        files.append(file)
      } else {
        disk.unmap(file.segment)
        break
      }
    }
    let removed = names.dropFirst(files.count).map(\.name)
    if !removed.isEmpty {
      try IndexRemoval(names: removed, segments: [], directory: settings.directory).run(on: disk)
    }
    return (MessageIndex(settings: settings, files: files), removed)
  }

  /// Unmaps all files. The index must not be used any more.
  package func close(on disk: any Disk) {
    for file in files { disk.unmap(file.segment) }
  }

  private static func isTrusted(_ file: IndexFile, isNewest: Bool, _ left: Left) -> Bool {
    guard file.isEmpty || file.header.endOffset < left.logEnd else { return false }
    return left.cleanly || !isNewest && file.header.endTime <= left.checkpoint
  }

  private static func follows(_ header: IndexHeader, _ previous: IndexHeader?) -> Bool {
    guard let previous else { return true }
    return header.beginOffset >= previous.endOffset && Int(previous.nextEntry) > 1
  }

  private static func map(
    _ name: String, disk: any Disk, settings: Settings, durableUpTo checkpoint: WallTime
  ) throws(DiskError) -> IndexFile? {
    let descriptor = try disk.open(settings.directory + "/" + name, create: false)
    defer { disk.close(descriptor) }
    let layout = settings.layout
    let segment = try disk.map(descriptor, length: layout.fileBytes, writable: true)
    let bytes = unsafe RawSpan(_unsafeBytes: segment.bytes(0..<IndexLayout.headerBytes))
    guard let header = IndexHeader(bytes, layout: layout) else {
      disk.unmap(segment)
      return nil
    }
    return IndexFile(
      name: name, layout: layout, segment: segment, header: header, isFlushed: header.endTime <= checkpoint)
  }

  /// Whether RocketMQ would take a name for that of an index file: digits that are a number of 64 bits.
  private static func isFileName(_ name: String) -> Bool {
    name.utf8.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") } && Int64(name) != nil
  }
}
