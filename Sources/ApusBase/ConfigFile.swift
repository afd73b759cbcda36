/// A small file that is replaced as a whole and never half: RocketMQ's `kvConfig.json`, `topics.json`,
/// `consumerOffset.json` and the like, with the names and the fallback that Java uses.
///
/// Storing writes `NAME.tmp`, syncs it, gives the present file the name `NAME.bak` and the new one the name `NAME`; a
/// crash between any two steps leaves one of both complete. Loading takes `NAME`, or `NAME.bak` when `NAME` is
/// missing, empty or damaged.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/ConfigManager.java and MixAll.java
/// (`string2File`). Deviations: Java does not sync, writes `.bak` byte by byte in place, and deletes the file before
/// the rename.
public struct ConfigFile: Sendable {
  /// Where a loaded value came from.
  public enum Source: Hashable, Sendable {
    /// The file itself.
    case file
    /// The backup, because the file was missing, empty or damaged; the error says how it was damaged.
    case backup(DecodeError?)
  }

  /// The longest file that is read, in bytes.
  public static let byteLimit: Int64 = 1 << 30

  /// The file's path, without `.tmp` or `.bak`.
  public let path: String
  /// Whether what has the name `path` is worth keeping as the backup. False after it was found damaged: then the
  /// backup is the better of the two and stays.
  private var isPresentUsable = true
  /// Whether the directories above the file are known to be durable: the first time they may just have been made.
  private var isDirectoryDurable = false

  /// Describes a file; touches nothing.
  public init(path: String) { self.path = path }

  /// Reads the file or its backup with `parse`. Nil when there is neither, or both are empty. Throws what went wrong
  /// with the file when the backup cannot take its place.
  public mutating func load<Value>(
    from disk: any Disk, _ parse: (RawSpan) throws(DecodeError) -> Value
  ) throws(ConfigFileError) -> (value: Value, source: Source)? {
    var damage: DecodeError?
    if let bytes = try Self.read(path, from: disk), !bytes.isEmpty {
      do throws(DecodeError) {
        let value = try parse(bytes.rawSpan)
        isPresentUsable = true
        return (value, .file)
      } catch {
        damage = error
      }
    }
    isPresentUsable = false
    if let bytes = try Self.read(path + ".bak", from: disk), !bytes.isEmpty {
      do throws(DecodeError) {
        return (try parse(bytes.rawSpan), .backup(damage))
      } catch {
        throw .damaged(path: path, damage ?? error)
      }
    }
    if let damage { throw .damaged(path: path, damage) }
    return nil
  }

  /// The bytes that the file holds at present, whatever they are; nil when there is none. The backup is not looked at.
  public func content(on disk: any Disk) throws(ConfigFileError) -> [UInt8]? { try Self.read(path, from: disk) }

  /// Replaces the file; who may read it stays. When this returns the new content is durable; when it throws the old
  /// content is still what loads, or, after a failed sync of the directory, either of both.
  public mutating func store(_ content: RawSpan, to disk: any Disk) throws(DiskError) {
    let directory = DiskPath.directory(of: path)
    try disk.createDirectory(directory)
    let replacement = try disk.writeReplacement(of: path, with: content)
    if isPresentUsable {
      do throws(DiskError) {
        try disk.rename(path, to: path + ".bak")
      } catch  where error.code == .notFound {
        // The first time there is nothing to keep.
      }
    }
    try disk.rename(replacement, to: path)
    isPresentUsable = true
    try disk.syncDirectory(directory)
    if !isDirectoryDurable {
      try disk.syncAncestors(of: directory)
      isDirectoryDurable = true
    }
  }

  /// The bytes of a file; nil when there is none.
  private static func read(_ path: String, from disk: any Disk) throws(ConfigFileError) -> [UInt8]? {
    do throws(DiskError) {
      let file = try disk.open(path, create: false)
      defer { disk.close(file) }
      let length = try disk.length(of: file)
      guard length <= byteLimit else { throw DiskError(.exhausted, operation: "read", path: path) }
      return try disk.bytes(of: file, at: 0, count: Int(length))
    } catch  where error.code == .notFound {
      return nil
    } catch {
      throw .disk(error)
    }
  }
}

/// A ``ConfigFile`` that could not be loaded.
public enum ConfigFileError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The disk failed.
  case disk(DiskError)
  /// Neither the file nor its backup is what it should be.
  case damaged(path: String, DecodeError)

  /// One line naming the file and the cause.
  public var description: String {
    switch self {
    case .disk(let error): error.description
    case .damaged(let path, let error): "\(path) and its backup cannot be read: \(error)"
    }
  }
}
