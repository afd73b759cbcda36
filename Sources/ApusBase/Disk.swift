/// A place for files: the machine's file system in production, a simulated one with crashes and faults in tests.
///
/// It is a cold interface: the log is written through the memory of a ``Segment``, and everything else is written in
/// batches, so that a call here happens once per segment, per flush or per batch and never per message. Paths are
/// absolute or relative to the process. Calls block; none may be made on an event loop unless it says that it does not.
public protocol Disk: AnyObject, Sendable {
  /// The entries of a directory, without `.` and `..`, sorted by name. A directory that does not exist has none.
  func list(_ directory: String) throws(DiskError) -> [DiskEntry]
  /// The names of the files in a directory, sorted: as `list`, without a look at each. A link counts as a file.
  func fileNames(in directory: String) throws(DiskError) -> [String]
  /// Makes a directory and those above it. One that exists is no error.
  func createDirectory(_ path: String) throws(DiskError)
  /// Removes a file. One that does not exist is no error.
  func removeFile(_ path: String) throws(DiskError)
  /// Removes a directory and everything in it. One that does not exist is no error.
  func removeDirectory(_ path: String) throws(DiskError)
  /// Gives a file a new name in place of what had that name, atomically.
  func rename(_ path: String, to newPath: String) throws(DiskError)
  /// Makes creations, renames and removals in a directory durable.
  func syncDirectory(_ path: String) throws(DiskError)
  /// Opens a file for reading and writing; with `create`, makes an empty one when there is none.
  func open(_ path: String, create: Bool) throws(DiskError) -> DiskFile
  /// Opens a file that no other process may open this way, creating it; throws `.locked` when one has it.
  func lock(_ path: String) throws(DiskError) -> DiskFile
  /// Gives a file the owner and the mode of another, as far as the process may; where there is no other, or a disk
  /// knows neither, nothing happens.
  func keepAccess(of path: String, for file: DiskFile) throws(DiskError)
  /// Closes a file. Segments mapped from it stay valid.
  func close(_ file: DiskFile)
  /// The length of a file in bytes.
  func length(of file: DiskFile) throws(DiskError) -> Int64
  /// When a file was last written to.
  func modificationTime(of path: String) throws(DiskError) -> WallTime
  /// Cuts a file, or lengthens it with a hole that reads as zeroes.
  func setLength(of file: DiskFile, to length: Int64) throws(DiskError)
  /// The next run of bytes at or behind `offset` that may be other than zero, nil when there is none: what is left out
  /// are holes, which read as zeroes and need not be read. A disk that cannot tell gives the rest of the file.
  func data(of file: DiskFile, from offset: Int64) throws(DiskError) -> Range<Int64>?
  /// Lengthens a file to `length` and reserves its blocks, so that writing to it cannot run out of space.
  func allocate(_ file: DiskFile, length: Int64) throws(DiskError)
  /// Reads up to `count` bytes at `offset` to the end of `buffer`; returns fewer only at the end of the file.
  func read(_ file: DiskFile, at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(DiskError) -> Int
  /// As `read`, but returns nil instead of waiting for the device. Allowed on an event loop.
  func readIfCached(
    _ file: DiskFile, at offset: Int64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(DiskError) -> Int?
  /// Writes all of `buffer` at `offset`, lengthening the file where needed.
  func write(_ file: DiskFile, at offset: Int64, from buffer: UnsafeRawBufferPointer) throws(DiskError)
  /// Makes the content and the length of a file durable (fdatasync).
  func sync(_ file: DiskFile) throws(DiskError)
  /// Makes everything durable that was written to the file system that holds `path`: content, lengths and names.
  func syncAll(at path: String) throws(DiskError)
  /// Maps the first `length` bytes of a file, for reading or for reading and writing.
  func map(_ file: DiskFile, length: Int, writable: Bool) throws(DiskError) -> Segment
  /// Ends a mapping. Nobody may hold its base any more.
  func unmap(_ segment: Segment)
  /// Makes the pages of a range present and writable ahead of use. Fails when the device is full, before any write
  /// would.
  func populate(_ segment: Segment, _ range: Range<Int>) throws(DiskError)
  /// Makes a written range of a mapping durable.
  func flush(_ segment: Segment, _ range: Range<Int>) throws(DiskError)
  /// Whether a range of a mapping can be read without waiting for the device. Allowed on an event loop.
  func isResident(_ segment: Segment, _ range: Range<Int>) -> Bool
  /// Reads a range of a mapping from the device into memory, waiting for it.
  func warm(_ segment: Segment, _ range: Range<Int>)
  /// The space of the file system that holds `path`.
  func space(of path: String) throws(DiskError) -> DiskSpace
  /// Whether two directories are on one file system, as neither is a mount point or a link that leads to another. Where
  /// they are, moving a file from one to the other may fail all the same, with ``DiskError/otherDevice``.
  func sharesDevice(_ directory: String, with other: String) throws(DiskError) -> Bool
}

extension Disk {
  /// For a disk that knows neither owners nor modes.
  public func keepAccess(of path: String, for file: DiskFile) throws(DiskError) {}

  /// For a disk that is one file system.
  public func sharesDevice(_ directory: String, with other: String) throws(DiskError) -> Bool { true }

  /// By `list`, for a disk that has nothing quicker.
  public func fileNames(in directory: String) throws(DiskError) -> [String] {
    try list(directory).filter { !$0.isDirectory }.map(\.name)
  }
}

/// An open file of a ``Disk``: a descriptor in production, a number in the simulator.
@frozen
public struct DiskFile: Hashable, Sendable {
  /// The descriptor or number.
  public var id: Int32

  /// Wraps a descriptor or number.
  @inlinable public init(id: Int32) { self.id = id }
}

/// One entry of a directory.
public struct DiskEntry: Hashable, Sendable {
  /// The name without its directory.
  public var name: String
  /// Whether it is itself a directory.
  public var isDirectory: Bool
  /// The length in bytes; 0 for a directory.
  public var length: Int64

  /// Describes an entry.
  public init(name: String, isDirectory: Bool, length: Int64) {
    self.name = name
    self.isDirectory = isDirectory
    self.length = length
  }
}

/// How full a file system is, in bytes.
public struct DiskSpace: Hashable, Sendable {
  /// Everything it could hold.
  public var total: Int64
  /// What holds nothing, with what is reserved for root.
  public var free: Int64
  /// What this process may still write.
  public var available: Int64

  /// Describes a file system; without `free` nothing is reserved.
  public init(total: Int64, free: Int64? = nil, available: Int64) {
    self.total = total
    self.free = free ?? available
    self.available = available
  }

  /// What holds something. What is reserved for root does not.
  public var used: Int64 { total - free }
  /// What is used and what may be: everything but what is reserved for root and free.
  public var usable: Int64 { used + available }
  /// The used share of what is usable, 0…1, as RocketMQ and `df` compute it.
  public var usedRatio: Double { usable > 0 ? Double(used) / Double(usable) : 0 }
}

/// Memory that is a file: what a ``Disk`` hands out for the log. It says nothing about who may write where; its owner
/// does.
@frozen
@safe
public struct Segment: @unchecked Sendable {
  /// The first byte. Valid until the segment is unmapped.
  public let base: UnsafeMutableRawPointer
  /// How many bytes are mapped.
  public let capacity: Int
  /// The file it was mapped from, for a ``Disk`` that needs to find its own record of it.
  public let file: DiskFile

  /// Describes a mapping.
  @inlinable
  public init(base: UnsafeMutableRawPointer, capacity: Int, file: DiskFile) {
    unsafe self.base = base
    self.capacity = capacity
    self.file = file
  }

  /// The bytes of a range, which must lie in the segment. Valid while the segment is mapped.
  @inlinable
  public func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    precondition(range.lowerBound >= 0 && range.upperBound <= capacity, "range outside of the segment")
    return unsafe UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count)
  }
}

/// A file operation that failed.
public struct DiskError: Error, Hashable, Sendable, CustomStringConvertible {
  /// EXDEV: a file cannot be moved to where another device, or another mount of the same one, begins.
  public static var otherDevice: Code { .failed(18) }

  /// What kind of failure it was.
  public enum Code: Hashable, Sendable {
    /// No space or quota is left: may end by itself.
    case full
    /// Another process holds the lock.
    case locked
    /// The file or directory does not exist.
    case notFound
    /// Permission is missing or the file system is read-only.
    case denied
    /// Too many descriptors or mappings are open.
    case exhausted
    /// The file system cannot do this (fallocate, for one).
    case unsupported
    /// The device failed, or another cause; the number is errno.
    case failed(Int32)
  }

  /// The kind of failure.
  public var code: Code
  /// The operation, as the name of the call.
  public var operation: String
  /// The file it was about.
  public var path: String

  /// Describes a failure.
  public init(_ code: Code, operation: String, path: String) {
    self.code = code
    self.operation = operation
    self.path = path
  }

  /// One line naming operation, path and cause.
  public var description: String {
    let cause =
      switch code {
      case .full: "no space left on the device"
      case .locked: "another process holds the lock"
      case .notFound: "no such file or directory"
      case .denied: "permission denied or read-only file system"
      case .exhausted: "too many open files or mappings"
      case .unsupported: "not supported by this file system"
      case .failed(let number): "errno \(number)"
      }
    return "\(operation) \(path): \(cause)"
  }
}
