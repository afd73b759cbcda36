package import ApusBase
import ApusModel
import ApusStoreCore

/// A step that keeps the log's next pages and its next file ready, ahead of need.
///
/// A new file is made under a name outside of the log's directory (a file of the wrong length there would keep Java
/// from starting), gets its length and its space, and is moved into place; the directory is synced before anything is
/// written to it, so that no acknowledged record can lie in a file whose name is lost. Nothing can be moved into a
/// directory that is a mount point or a link to another device: there the file is made in its place, and has its length
/// before it has anything else.
package struct PreparationPlan: Sendable {
  enum Work: Sendable {
    case create(start: PhysicalOffset, path: String, bytes: Int, populate: Int)
    case populate(Mapping, path: String, start: PhysicalOffset, range: Range<Int>)
  }

  /// What came of it.
  package enum Outcome: Sendable {
    /// The file is there.
    case created(Mapping, populated: Int, reserved: Bool)
    /// The pages are there.
    case populated
    /// Neither.
    case failed(DiskError)
  }

  let work: Work
  let directory: String

  /// Does the step. Blocks.
  package func run(on disk: any Disk) -> Outcome {
    switch work {
    case .create(_, let path, let bytes, let populate):
      do {
        return try create(path, bytes: bytes, populate: populate, on: disk)
      } catch {
        return .failed(error)
      }
    case .populate(let mapping, _, _, let range):
      do {
        try disk.populate(mapping.segment, range)
        return .populated
      } catch {
        return error.code == .unsupported ? .populated : .failed(error)
      }
    }
  }

  private func create(_ path: String, bytes: Int, populate: Int, on disk: any Disk) throws(DiskError) -> Outcome {
    let reserved = try place(path, bytes: bytes, on: disk)
    try disk.syncDirectory(directory)
    let mapping = try Mapping(disk: disk, path: path, length: bytes, writable: true)
    do {
      try disk.populate(mapping.segment, 0..<populate)
    } catch  where error.code == .unsupported {
      return .created(mapping, populated: bytes, reserved: reserved)
    }
    return .created(mapping, populated: populate, reserved: reserved)
  }

  /// Makes the file and brings it to its place. Returns whether its space is reserved.
  private func place(_ path: String, bytes: Int, on disk: any Disk) throws(DiskError) -> Bool {
    guard try disk.sharesDevice(directory, with: DiskPath.directory(of: directory)) else {
      return try make(path, bytes: bytes, isInPlace: true, on: disk)
    }
    let temporary = directory + ".new"
    let reserved = try make(temporary, bytes: bytes, isInPlace: false, on: disk)
    do throws(DiskError) {
      try disk.rename(temporary, to: path)
      return reserved
    } catch  where error.code == DiskError.otherDevice {
      // The directory is a mount of the device that it stands on, as containers have them.
      try disk.removeFile(temporary)
      return try make(path, bytes: bytes, isInPlace: true, on: disk)
    }
  }

  /// Makes a file with its length and its space, or none. Returns whether the space is reserved.
  private func make(_ path: String, bytes: Int, isInPlace: Bool, on disk: any Disk) throws(DiskError) -> Bool {
    var reserved = true
    do throws(DiskError) {
      try disk.removeFile(path)
      let file = try disk.open(path, create: true)
      defer { disk.close(file) }
      if isInPlace { try disk.setLength(of: file, to: Int64(bytes)) }
      do throws(DiskError) {
        try disk.allocate(file, length: Int64(bytes))
      } catch  where error.code == .unsupported {
        reserved = false
        try Self.fill(file, bytes: bytes, on: disk)
      }
      try disk.sync(file)
    } catch {
      // What is left takes space, and in its place it is a file of the log that holds nothing, which harms no start.
      try disk.removeFile(path)
      throw error
    }
    return reserved
  }

  /// Writes zeroes, which reserves space on file systems that cannot be asked to.
  static func fill(_ file: DiskFile, bytes: Int, on disk: any Disk) throws(DiskError) {
    let zeroes = [UInt8](repeating: 0, count: min(bytes, 1 << 20))
    var position = 0
    while position < bytes {
      let count = min(zeroes.count, bytes - position)
      try disk.write(file, at: Int64(position), bytes: zeroes.rawSpan.extracting(0..<count))
      position += count
    }
  }
}

extension MessageStore {
  /// The next step of preparation; nil when enough is ready. After a failure the step is planned again: the caller
  /// decides when.
  package func planPreparation() -> PreparationPlan? {
    guard failure == nil, !isClosed, !preparing else { return nil }
    let work = nextPreparation()
    guard let work else { return nil }
    preparing = true
    return PreparationPlan(work: work, directory: log.directory)
  }

  private func nextPreparation() -> PreparationPlan.Work? {
    let first = min(settings.populateStep, log.fileBytes)
    guard let tail = log.tail else {
      guard log.segments.files.last?.mapping == nil else { return nil }
      return createWork(at: log.marks.appended, populate: first)
    }
    if let mapping = tail.mapping, tail.populated < tail.capacity,
      tail.populated - log.position < settings.populateAhead
    {
      let start = max(tail.populated, log.position)
      let range = start..<min(start + settings.populateStep, tail.capacity)
      return .populate(mapping, path: tail.path, start: tail.start, range: range)
    }
    let rest = tail.capacity - log.position
    guard log.segments.next(after: tail) == nil, rest <= max(128 << 20, tail.capacity / 8) else { return nil }
    return createWork(at: tail.end, populate: first)
  }

  private func createWork(at start: PhysicalOffset, populate: Int) -> PreparationPlan.Work {
    .create(
      start: start, path: log.directory + "/" + SegmentName.text(start.rawValue), bytes: log.fileBytes,
      populate: populate)
  }

  /// Takes in what a step of preparation came to. Returns whether sends that waited for a segment may be tried again.
  @discardableResult
  package func finish(_ plan: PreparationPlan, _ outcome: PreparationPlan.Outcome) -> Bool {
    preparing = false
    switch (plan.work, outcome) {
    case (.create(let start, let path, let bytes, _), .created(let mapping, let populated, let reserved)):
      let file = MappedFile(start: start, directory: log.directory, capacity: bytes)
      file.mapping = mapping
      file.populated = populated
      log.segments.append(file)
      if !reserved { report(.spaceNotReserved(path: path)) }
      release(.segment)
      return true
    case (.populate(_, _, let start, let range), .populated):
      if let file = log.segments.file(at: start) { file.populated = max(file.populated, range.upperBound) }
      release(.segment)
      return true
    case (.create(_, let path, _, _), .failed(let error)), (.populate(_, let path, _, _), .failed(let error)):
      hold(for: .segment, after: error, path: path)
      return false
    default: preconditionFailure("an outcome of another plan")
    }
  }
}
