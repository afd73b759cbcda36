import ApusBase
package import ApusSimulator
import ApusStore
import ApusStoreCore

/// The files of a small store as one input.
///
/// | Bytes | Type | Meaning |
/// |---|---|---|
/// | 1 | u8 | length of a log file: 4, 8 or 16 KiB by its two lowest bits |
/// | 1 | u8 | entries of a queue file, 1 to 64 by its six lowest bits |
/// | 1 | u8 | slots of an index file, 1 to 64 by its six lowest bits |
/// | 1 | u8 | entries of an index file, 2 to 129 by its seven lowest bits |
/// | 1 + n | u8, text | path of a file below the store's root |
/// | 2 | u16 | length of the file, which may be longer than its content |
/// | 2 + n | u16, bytes | content; zeroes follow it to the file's length |
///
/// The last three rows are repeated. All numbers are big-endian. An input that ends early is as good as any.
package struct StoreArchive {
  private static let root = "store"
  private static let fileLimit = 48

  private struct File {
    var path: String
    var length: Int
    var content: [UInt8]
  }

  private let measures: [UInt8]
  private var files: [File] = []

  /// Reads an input; nil when it has no measures.
  init?(_ input: [UInt8]) {
    guard input.count > 4 else { return nil }
    measures = Array(input[..<4])
    var reader = ByteReader(input.rawSpan.extracting(4..<input.count))
    while files.count < Self.fileLimit, let file = readable({ try Self.next(&reader) }) { files.append(file) }
  }

  private static func next(_ reader: inout ByteReader) throws(DecodeError) -> File {
    let path = try reader.read(count: Int(try reader.read(UInt8.self)))
    let length = Int(try reader.read(UInt16.self))
    let count = min(Int(try reader.read(UInt16.self)), reader.remaining)
    return File(path: path.text, length: length, content: try reader.read(count: count).array)
  }

  /// What a simulation left; files that do not fit are left out.
  package init(_ remains: Remains) {
    let sizes: [Int: UInt8] = [4096: 0, 8192: 1, 16_384: 2]
    measures = [
      sizes[remains.store.logFileBytes] ?? 0, UInt8(clamping: remains.store.queueFileBytes / 20 - 1),
      UInt8(clamping: remains.index.layout.slotCount - 1), UInt8(clamping: remains.index.layout.entryCount - 2),
    ]
    for (path, bytes) in remains.files where path.hasPrefix(Self.root + "/") && bytes.count <= Int(UInt16.max) {
      let used = bytes.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
      files.append(
        File(path: String(path.dropFirst(Self.root.count + 1)), length: bytes.count, content: Array(bytes[..<used])))
    }
  }

  /// The input.
  package var bytes: [UInt8] {
    var writer = ByteWriter()
    writer.write(measures)
    for file in files {
      writer.write(UInt8(clamping: file.path.utf8.count))
      writer.write(utf8: file.path)
      writer.write(UInt16(clamping: file.length))
      writer.write(UInt16(clamping: file.content.count))
      writer.write(file.content)
    }
    return writer.array
  }

  // MARK: As a store

  var settings: StoreSettings {
    var settings = StoreSettings(root: Self.root)
    settings.logFileBytes = [4096, 8192, 16_384, 4096][Int(measures[0] & 3)]
    settings.queueFileBytes = 20 * Int(measures[1] & 63 + 1)
    settings.extensionFileBytes = 256
    settings.populateAhead = 4096
    settings.populateStep = 4096
    settings.openQueueFiles = 8
    settings.queuesLoadedAhead = 1
    return settings
  }

  var indexSettings: MessageIndex.Settings {
    guard let layout = IndexLayout(slotCount: Int(measures[2] & 63 + 1), entryCount: Int(measures[3] & 127 + 2)) else {
      preconditionFailure("small index files are possible")
    }
    return MessageIndex.Settings(directory: Self.root + "/index", layout: layout, entriesAhead: 8)
  }

  /// A disk with the files. Those whose paths cannot be are left out.
  func disk() -> SimulatedDisk {
    let disk = SimulatedDisk(seed: 1, capacity: 1 << 34)
    for file in files { _ = readable { try Self.put(file, on: disk) } }
    return disk
  }

  private static func put(_ file: File, on disk: SimulatedDisk) throws(DiskError) {
    let path = root + "/" + file.path
    guard let slash = path.lastIndex(of: "/"), !file.path.isEmpty else { return }
    try disk.createDirectory(String(path[..<slash]))
    let handle = try disk.open(path, create: true)
    defer { disk.close(handle) }
    if !file.content.isEmpty { try disk.write(handle, at: 0, bytes: file.content.rawSpan) }
    try disk.setLength(of: handle, to: Int64(max(file.length, file.content.count)))
    try disk.sync(handle)
  }
}
