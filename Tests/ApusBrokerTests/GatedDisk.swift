import ApusBase
import ApusSystem

/// The machine's file system with a gate before the flush of mapped files and one before the allocation of log files,
/// and a fault behind each; mapping for reading and populating can be made to fail, and opening be listened to.
final class GatedDisk: Disk {
  private struct State {
    var isShut = false
    var failure: DiskError.Code?
    var entered = 0
    var allocated = 0
    var allocationLimit = Int.max
    var allocationFailure: DiskError.Code?
    var mappingFailure: DiskError.Code?
    var refusedMappings = 0
    var populationFailure: DiskError.Code?
    var fullFile: String?
    var onOpen: (@Sendable (String) -> Void)?
    var space: DiskSpace?
    var spaces: [String: DiskSpace] = [:]
  }

  private let disk = PosixDisk()
  private let state = Locked(State())
  private let opened = WakeUp()
  private let arrived = WakeUp()

  /// From now on flushes wait.
  func shut() { state.withLock { $0.isShut = true } }

  /// Lets flushes through, now and later.
  func open() {
    state.withLock { $0.isShut = false }
    opened.signal()
  }

  /// From now on flushes fail.
  func fail(_ code: DiskError.Code) { state.withLock { $0.failure = code } }

  /// From now on files cannot be mapped for reading; nil lets them be mapped again.
  func failMappings(_ code: DiskError.Code?) { state.withLock { $0.mappingFailure = code } }

  /// From now on pages of log files cannot be made present; nil lets them again.
  func failPopulations(_ code: DiskError.Code?) { state.withLock { $0.populationFailure = code } }

  /// From now on a file of this name finds no space when it is made.
  func refuseSpace(to name: String) { state.withLock { $0.fullFile = name } }

  /// From now on this is called with the path of each file before it is opened.
  func onOpen(_ body: @escaping @Sendable (String) -> Void) { state.withLock { $0.onOpen = body } }

  /// From now on the device says that it has this much space; nil lets it say what it has.
  func pretend(_ space: DiskSpace?) { state.withLock { $0.space = space } }

  /// From now on the device of this directory says that it has this much space.
  func pretend(_ space: DiskSpace, of directory: String) { state.withLock { $0.spaces[directory] = space } }

  /// How often a file could not be mapped for reading.
  var refusedMappings: Int { state.withLock { $0.refusedMappings } }

  /// Allocations wait when there were `count` of them.
  func holdAllocations(after count: Int) { state.withLock { $0.allocationLimit = count } }

  /// Lets allocations through, which fail from now on.
  func releaseAllocations(failing code: DiskError.Code) {
    state.withLock {
      $0.allocationLimit = .max
      $0.allocationFailure = code
    }
    opened.signal()
  }

  /// Waits until a flush stands before the gate; false when none comes in time.
  func waitForFlush() -> Bool {
    let deadline = SystemClock.monotonic() + Patience.limit
    while state.withLock({ $0.entered }) == 0 {
      guard SystemClock.monotonic() < deadline else { return false }
      _ = arrived.wait(until: deadline)
    }
    return true
  }

  func flush(_ segment: Segment, _ range: Range<Int>) throws(DiskError) {
    let deadline = SystemClock.monotonic() + Patience.limit
    while state.withLock({ $0.isShut }), SystemClock.monotonic() < deadline {
      state.withLock { $0.entered += 1 }
      arrived.signal()
      _ = opened.wait(until: deadline)
    }
    if let code = state.withLock({ $0.failure }) { throw DiskError(code, operation: "msync", path: "log") }
    try disk.flush(segment, range)
  }

  func list(_ directory: String) throws(DiskError) -> [DiskEntry] { try disk.list(directory) }
  func createDirectory(_ path: String) throws(DiskError) { try disk.createDirectory(path) }
  func removeFile(_ path: String) throws(DiskError) { try disk.removeFile(path) }
  func removeDirectory(_ path: String) throws(DiskError) { try disk.removeDirectory(path) }
  func rename(_ path: String, to newPath: String) throws(DiskError) { try disk.rename(path, to: newPath) }
  func syncDirectory(_ path: String) throws(DiskError) { try disk.syncDirectory(path) }
  func open(_ path: String, create: Bool) throws(DiskError) -> DiskFile {
    if create, let name = state.withLock({ $0.fullFile }), path.hasSuffix("/" + name) {
      throw DiskError(.full, operation: "open", path: path)
    }
    state.withLock { $0.onOpen }?(path)
    return try disk.open(path, create: create)
  }
  func lock(_ path: String) throws(DiskError) -> DiskFile { try disk.lock(path) }
  func close(_ file: DiskFile) { disk.close(file) }
  func data(of file: DiskFile, from offset: Int64) throws(DiskError) -> Range<Int64>? {
    try disk.data(of: file, from: offset)
  }
  func syncAll(at path: String) throws(DiskError) { try disk.syncAll(at: path) }
  func length(of file: DiskFile) throws(DiskError) -> Int64 { try disk.length(of: file) }
  func modificationTime(of path: String) throws(DiskError) -> WallTime { try disk.modificationTime(of: path) }
  func setLength(of file: DiskFile, to length: Int64) throws(DiskError) { try disk.setLength(of: file, to: length) }
  func allocate(_ file: DiskFile, length: Int64) throws(DiskError) {
    let deadline = SystemClock.monotonic() + Patience.limit
    while state.withLock({ $0.allocated >= $0.allocationLimit }), SystemClock.monotonic() < deadline {
      _ = opened.wait(until: deadline)
    }
    if let code = state.withLock({ $0.allocationFailure }) {
      throw DiskError(code, operation: "fallocate", path: "log")
    }
    try disk.allocate(file, length: length)
    state.withLock { $0.allocated += 1 }
  }
  func read(_ file: DiskFile, at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(DiskError) -> Int {
    try unsafe disk.read(file, at: offset, into: buffer)
  }
  func readIfCached(
    _ file: DiskFile, at offset: Int64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(DiskError) -> Int? {
    try unsafe disk.readIfCached(file, at: offset, into: buffer)
  }
  func write(_ file: DiskFile, at offset: Int64, from buffer: UnsafeRawBufferPointer) throws(DiskError) {
    try unsafe disk.write(file, at: offset, from: buffer)
  }
  func sync(_ file: DiskFile) throws(DiskError) { try disk.sync(file) }
  func map(_ file: DiskFile, length: Int, writable: Bool) throws(DiskError) -> Segment {
    if !writable, let code = state.withLock({ $0.mappingFailure }) {
      state.withLock { $0.refusedMappings += 1 }
      throw DiskError(code, operation: "mmap", path: "log")
    }
    return try disk.map(file, length: length, writable: writable)
  }
  func unmap(_ segment: Segment) { disk.unmap(segment) }
  func populate(_ segment: Segment, _ range: Range<Int>) throws(DiskError) {
    if let code = state.withLock({ $0.populationFailure }) {
      throw DiskError(code, operation: "madvise", path: "log")
    }
    try disk.populate(segment, range)
  }
  func isResident(_ segment: Segment, _ range: Range<Int>) -> Bool { disk.isResident(segment, range) }
  func warm(_ segment: Segment, _ range: Range<Int>) { disk.warm(segment, range) }
  func space(of path: String) throws(DiskError) -> DiskSpace {
    if let space = state.withLock({ $0.spaces[path] ?? $0.space }) { return space }
    return try disk.space(of: path)
  }
}
