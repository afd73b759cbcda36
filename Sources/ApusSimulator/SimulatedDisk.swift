package import ApusBase

/// A disk in memory whose crashes and faults follow from one seed.
///
/// **What it models.** Every file has a visible content, which reads and segments see, and a content on the device.
/// `sync` brings a file's content and length to the device, `flush` a range of a segment (by whole 512-byte sectors),
/// `syncDirectory` the names that were made, moved and removed in one directory. ``writeBack()`` does what the machine
/// does on its own: some dirty sectors reach the device unasked. A crash stops the machine at that very call or between
/// two calls:
///
/// - ``CrashKind/kill``: the visible content and all names survive; handles and locks are gone.
/// - ``CrashKind/powerLoss``: the content on the device survives, and each dirty sector, each changed length and each
///   change of a name survives or is lost separately. So writes are torn at sectors and out of order, a file can have
///   its new length without its new bytes, a rename can outlive the content of the file it moved, and a directory that
///   was never synced in its own parent takes everything in it along.
///
/// **Faults by plan** (``FaultPlan``): the Nth call of a kind fails with a given error; the machine stops at the Nth
/// call of all, a write then leaving a random prefix. A sync or flush that fails brings some sectors to the device and
/// gives the others up: as on Linux, a later sync that succeeds does not bring those. Space is limited in blocks of 4
/// KiB: `allocate`, `write` and `populate` answer `.full`; a write through a segment to a block that has no space,
/// which would be a SIGBUS, is counted in ``writesWithoutSpace``.
///
/// ``damage(_:at:with:)`` changes what was durable, as flipped bits, lost and misdirected writes do.
///
/// **What it does not model**: sectors torn within, slow calls, a file system that reorders a rename's two halves, more
/// than one thread. Modification times survive a crash.
///
/// After a crash every call fails with ``ErrorNumber/crashed`` until ``restart()``; from then on handles and segments
/// of before are invalid. The same seed and the same calls give the same bytes.
package final class SimulatedDisk: Disk, @unchecked Sendable {
  /// The time that written files get. The harness moves it.
  package var now: WallTime
  /// The space of the device in bytes.
  package var capacity: Int64
  /// Directories at which other devices begin, as at mount points and links: nothing can be moved from one device to
  /// another, and a sync of everything reaches one of them. Names and files of all crash together.
  package var mountPoints: Set<String> = []
  /// How often in 100 a range that is asked for is not in memory.
  package var coldPercent = 0
  /// What is to go wrong. Setting it starts the count of occurrences anew.
  package var plan = FaultPlan() {
    didSet {
      callCount = 0
      callCounts = [:]
    }
  }
  /// How many calls were made since the plan was set.
  package private(set) var callCount = 0
  private var callCounts: [DiskCall: Int] = [:]
  /// How many calls failed by plan, per kind, since the disk was made.
  package private(set) var faults: [DiskCall: Int] = [:]
  /// How often the machine stopped, per kind, since the disk was made.
  package private(set) var crashes: [CrashKind: Int] = [:]
  /// How many blocks without space were written through a segment: each would have been a SIGBUS on a full device.
  package private(set) var writesWithoutSpace = 0
  /// Whether the machine has stopped and not been started again.
  package private(set) var hasCrashed = false

  /// How the machine stopped last.
  package private(set) var lastCrash: CrashKind?
  /// Makes `syncDirectory` do nothing, so that checkers can be checked.
  package var ignoresDirectorySyncs = false
  /// Makes `flush` do nothing, so that checkers can be checked.
  package var ignoresFlushes = false
  /// Lets a flush or sync that fails by plan report success all the same, so that checkers can be checked: what a
  /// broker that does not look at the result would do.
  package var hidesFailedSyncs = false
  /// How many files were removed, by directory, since the disk was made.
  package private(set) var removals: [String: Int] = [:]

  private var random: SeededGenerator
  var names = SimulatedNames()
  private var openFiles: [Int32: (file: SimulatedFile, path: String)] = [:]
  private var locked: Set<String> = []
  /// Mappings by the handle that they were made from; it identifies them after it was closed, too.
  private var mapped: [Int32: (file: SimulatedFile, count: Int)] = [:]
  private var nextHandle: Int32 = 3
  private var nextFile = 1
  /// Keeps the memory that segments of before a crash point to until the machine is started again.
  private var wreck: [SimulatedFile] = []

  /// Makes an empty disk.
  package init(seed: UInt64, capacity: Int64 = 1 << 40, now: WallTime = WallTime(milliseconds: 1_700_000_000_000)) {
    random = SeededGenerator(seed: seed)
    self.capacity = capacity
    self.now = now
  }

  // MARK: Faults

  /// Counts a call and lets it fail when the plan says so. `partly` does what the call did before it failed.
  private func enter(_ call: DiskCall, _ path: String, partly: (Bool) -> Void = { _ in }) throws(DiskError) {
    guard !hasCrashed else {
      throw DiskError(.failed(ErrorNumber.crashed), operation: call.rawValue, path: path)
    }
    callCount += 1
    callCounts[call, default: 0] += 1
    let count = callCounts[call, default: 0]
    if plan.crashes(at: call, count: count, total: callCount) {
      partly(true)
      crash(plan.crashKind)
      throw DiskError(.failed(ErrorNumber.crashed), operation: call.rawValue, path: path)
    }
    if let failure = plan.failures.first(where: { $0.call == call && $0.covers(count) }) {
      faults[call, default: 0] += 1
      partly(false)
      if hidesFailedSyncs, call == .flush || call == .sync { return }
      throw DiskError(failure.code, operation: call.rawValue, path: path)
    }
  }

  /// Stops the machine. Every call fails until ``restart()``.
  package func crash(_ kind: CrashKind) {
    precondition(!hasCrashed, "a machine that has stopped cannot stop")
    hasCrashed = true
    crashes[kind, default: 0] += 1
    lastCrash = kind
    let files = names.files
    for file in files { noteWritesWithoutSpace(file, in: 0..<file.length) }
    wreck += files + openFiles.values.map(\.file) + mapped.values.map(\.file)
    switch kind {
    case .kill: names.replace(files.map { $0.keptAlive() })
    case .powerLoss:
      names.replace(files.map { $0.afterPowerLoss(using: &random) })
      names.losePending(using: &random)
    }
    openFiles = [:]
    locked = []
    mapped = [:]
  }

  /// Starts the machine again. Nobody may hold segments from before any more.
  package func restart() {
    precondition(hasCrashed, "only a machine that has stopped can be started")
    hasCrashed = false
    wreck = []
    plan = FaultPlan()
  }

  /// Brings a random part of the dirty sectors to the device, as the machine does on its own.
  package func writeBack() {
    for file in names.files {
      let share = Int.random(in: 0...4, using: &random)
      file.persist(file.dirtySectors(in: 0..<file.length).filter { _ in random.chance(share, in: 4) })
    }
  }

  private func noteWritesWithoutSpace(_ file: SimulatedFile, in range: Range<Int>) {
    let sectors = SimulatedFile.blockBytes / SimulatedFile.sectorBytes
    let blocks = Set(file.dirtySectors(in: range).map { $0 / sectors })
    let missing = file.blocksWithoutSpace(in: range).filter(blocks.contains)
    writesWithoutSpace += missing.count
    file.reserve(missing)
  }

  // MARK: Names

  /// The visible entries.
  package func list(_ directory: String) throws(DiskError) -> [DiskEntry] {
    try enter(.list, directory)
    let directory = SimulatedNames.canonical(directory)
    return names.visible.keys.sorted().filter { SimulatedNames.parent(of: $0) == directory }.map { path in
      let name = directory.isEmpty ? path : String(path.dropFirst(directory == "/" ? 1 : directory.count + 1))
      guard let file = names.visible[path]?.file else { return DiskEntry(name: name, isDirectory: true, length: 0) }
      return DiskEntry(name: name, isDirectory: false, length: Int64(file.length))
    }
  }

  /// Makes visible names, which a sync of each parent makes durable.
  package func createDirectory(_ path: String) throws(DiskError) {
    try enter(.createDirectory, path)
    names.addDirectories(SimulatedNames.canonical(path))
  }

  /// Takes a name away; the content lives on for who has it open or mapped.
  package func removeFile(_ path: String) throws(DiskError) {
    try enter(.removeFile, path)
    if names.visible[path] != nil { removals[SimulatedNames.parent(of: path), default: 0] += 1 }
    names.remove(path)
  }

  /// Takes names away, deepest first; a failure leaves some.
  package func removeDirectory(_ path: String) throws(DiskError) {
    let path = SimulatedNames.canonical(path)
    let inside = names.paths(under: path)
    try enter(.removeDirectory, path) { _ in
      for path in inside.prefix(Int.random(in: 0...inside.count, using: &random)) { names.remove(path) }
    }
    for path in inside { names.remove(path) }
    names.remove(path)
  }

  /// Moves a visible name; one change, never half of it.
  package func rename(_ path: String, to newPath: String) throws(DiskError) {
    try enter(.rename, path)
    guard names.visible[path] != nil, names.isDirectory(SimulatedNames.parent(of: newPath)) else {
      throw DiskError(.notFound, operation: DiskCall.rename.rawValue, path: path)
    }
    guard device(of: SimulatedNames.parent(of: path)) == device(of: SimulatedNames.parent(of: newPath)) else {
      throw DiskError(DiskError.otherDevice, operation: DiskCall.rename.rawValue, path: path)
    }
    names.rename(path, to: newPath)
  }

  /// Makes the changes of names in this directory durable, not those in others.
  package func syncDirectory(_ path: String) throws(DiskError) {
    try enter(.syncDirectory, path)
    let path = SimulatedNames.canonical(path)
    guard names.isDirectory(path) else {
      throw DiskError(.notFound, operation: DiskCall.syncDirectory.rawValue, path: path)
    }
    if !ignoresDirectorySyncs { names.sync(path) }
  }

  /// The simulated time of the last write or flush of changed bytes.
  package func modificationTime(of path: String) throws(DiskError) -> WallTime {
    try enter(.modificationTime, path)
    guard let file = names.visible[path]?.file else {
      throw DiskError(.notFound, operation: DiskCall.modificationTime.rawValue, path: path)
    }
    return file.modified
  }

  /// The capacity less the blocks of all files.
  package func space(of path: String) throws(DiskError) -> DiskSpace {
    try enter(.space, path)
    return DiskSpace(total: capacity, available: available)
  }

  private var available: Int64 {
    var files = Dictionary(uniqueKeysWithValues: names.visible.values.compactMap(\.file).map { ($0.id, $0) })
    for file in openFiles.values.map(\.file) + mapped.values.map(\.file) { files[file.id] = file }
    return max(0, capacity - files.values.reduce(0) { $0 + Int64($1.reservedBytes) })
  }

  // MARK: Files

  /// Opens by visible name. Numbers of handles are never used twice.
  package func open(_ path: String, create: Bool) throws(DiskError) -> DiskFile {
    try enter(.open, path)
    if let node = names.visible[path] {
      guard let file = node.file else {
        throw DiskError(.failed(ErrorNumber.invalid), operation: DiskCall.open.rawValue, path: path)
      }
      return handle(for: file, path)
    }
    guard create, names.isDirectory(SimulatedNames.parent(of: path)) else {
      throw DiskError(.notFound, operation: DiskCall.open.rawValue, path: path)
    }
    let file = SimulatedFile(id: nextFile, modified: now)
    nextFile += 1
    names.add(path, .file(file))
    return handle(for: file, path)
  }

  private func handle(for file: SimulatedFile, _ path: String) -> DiskFile {
    defer { nextHandle += 1 }
    openFiles[nextHandle] = (file, path)
    return DiskFile(id: nextHandle)
  }

  /// Opens a file that nobody else has locked since the last start.
  package func lock(_ path: String) throws(DiskError) -> DiskFile {
    try enter(.lock, path)
    guard !locked.contains(path) else { throw DiskError(.locked, operation: DiskCall.lock.rawValue, path: path) }
    let file = try open(path, create: true)
    locked.insert(path)
    lockHandles.insert(file.id)
    return file
  }

  private var lockHandles: Set<Int32> = []

  /// Forgets a handle, and its lock.
  package func close(_ file: DiskFile) {
    guard let open = openFiles.removeValue(forKey: file.id) else { return }
    if lockHandles.remove(file.id) != nil { locked.remove(open.path) }
  }

  private func find(_ file: DiskFile, _ call: DiskCall) throws(DiskError) -> (file: SimulatedFile, path: String) {
    guard let open = openFiles[file.id] else {
      let code = hasCrashed ? ErrorNumber.crashed : ErrorNumber.badDescriptor
      throw DiskError(.failed(code), operation: call.rawValue, path: "handle \(file.id)")
    }
    return open
  }

  /// The visible length.
  package func length(of file: DiskFile) throws(DiskError) -> Int64 {
    let open = try find(file, .length)
    try enter(.length, open.path)
    return Int64(open.file.length)
  }

  /// Changes the visible length; a hole takes up no space.
  package func setLength(of file: DiskFile, to length: Int64) throws(DiskError) {
    let open = try find(file, .setLength)
    try enter(.setLength, open.path)
    guard length >= 0 else {
      throw DiskError(.failed(ErrorNumber.invalid), operation: DiskCall.setLength.rawValue, path: open.path)
    }
    open.file.setLength(Int(length))
    open.file.modified = now
  }

  /// Of every other file, blocks of zeroes are holes; of the rest, all is data.
  package func data(of file: DiskFile, from offset: Int64) throws(DiskError) -> Range<Int64>? {
    let open = try find(file, .length)
    try enter(.length, open.path)
    guard offset < Int64(open.file.length) else { return nil }
    guard open.file.id % 2 == 0 else { return offset..<Int64(open.file.length) }
    return open.file.data(from: Int(offset)).map { Int64($0.lowerBound)..<Int64($0.upperBound) }
  }

  /// Gives blocks to the range before it lengthens the file.
  package func allocate(_ file: DiskFile, length: Int64) throws(DiskError) {
    let open = try find(file, .allocate)
    try enter(.allocate, open.path)
    try reserve(open.file, 0..<Int(length), .allocate, open.path)
    if length > open.file.length { open.file.setLength(Int(length)) }
  }

  /// Gives a range space, or fails when the device has none.
  private func reserve(
    _ file: SimulatedFile, _ range: Range<Int>, _ call: DiskCall, _ path: String
  ) throws(DiskError) {
    let blocks = file.blocksWithoutSpace(in: range)
    guard Int64(blocks.count * SimulatedFile.blockBytes) <= available else {
      throw DiskError(.full, operation: call.rawValue, path: path)
    }
    file.reserve(blocks)
  }

  /// Reads what is visible.
  package func read(
    _ file: DiskFile, at offset: Int64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(DiskError) -> Int {
    let open = try find(file, .read)
    try enter(.read, open.path)
    return unsafe open.file.read(at: Int(offset), into: buffer)
  }

  /// Reads what is visible, or answers nil as often as `coldPercent` says.
  package func readIfCached(
    _ file: DiskFile, at offset: Int64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(DiskError) -> Int? {
    if random.chance(coldPercent, in: 100) { return nil }
    return try unsafe read(file, at: offset, into: buffer)
  }

  /// Changes what is visible, once the device has the blocks.
  package func write(
    _ file: DiskFile, at offset: Int64, from buffer: UnsafeRawBufferPointer
  ) throws(DiskError) {
    let open = try find(file, .write)
    try enter(.write, open.path) { _ in
      let count = Int.random(in: 0...buffer.count, using: &random)
      unsafe open.file.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]), at: Int(offset))
      open.file.reserve(open.file.blocksWithoutSpace(in: Int(offset)..<Int(offset) + count))
    }
    try reserve(open.file, Int(offset)..<Int(offset) + buffer.count, .write, open.path)
    unsafe open.file.write(buffer, at: Int(offset))
    open.file.modified = now
  }

  /// Brings bytes and length to the device.
  package func sync(_ file: DiskFile) throws(DiskError) {
    let open = try find(file, .sync)
    let whole = 0..<max(open.file.length, open.file.durableLength)
    try enter(.sync, open.path) { crashes in
      if !crashes { abandonSome(open.file, whole) }
    }
    try tellFailure(of: open.file, .sync)
    noteWritesWithoutSpace(open.file, in: 0..<open.file.length)
    open.file.persist(open.file.dirtySectors(in: whole))
    open.file.persistLength()
  }

  /// Brings everything on the device of `path` to it. As on Linux, who has a file open or mapped whose content this
  /// gave up is told by the next sync or flush of that file.
  package func syncAll(at path: String) throws(DiskError) {
    func whole(_ file: SimulatedFile) -> Range<Int> { 0..<max(file.length, file.durableLength) }
    try enter(.sync, path) { crashes in
      guard !crashes else { return }
      for file in files(onDeviceOf: path) {
        abandonSome(file, whole(file))
        file.failedUnseen = true
      }
    }
    for file in files(onDeviceOf: path) {
      noteWritesWithoutSpace(file, in: 0..<file.length)
      file.persist(file.dirtySectors(in: whole(file)))
      file.persistLength()
    }
    if !ignoresDirectorySyncs { syncNames(onDeviceOf: path) }
  }

  private func tellFailure(of file: SimulatedFile, _ call: DiskCall) throws(DiskError) {
    guard file.failedUnseen else { return }
    file.failedUnseen = false
    if hidesFailedSyncs { return }
    throw DiskError(.failed(ErrorNumber.inputOutput), operation: call.rawValue, path: "file \(file.id)")
  }

  /// What a sync that failed leaves: some sectors written, the others given up.
  private func abandonSome(_ file: SimulatedFile, _ range: Range<Int>) {
    let dirty = file.dirtySectors(in: range).map { ($0, random.chance(1, in: 2)) }
    file.persist(dirty.filter(\.1).map(\.0))
    file.abandon(dirty.filter { !$0.1 }.map(\.0))
  }

  // MARK: Segments

  /// Hands out the visible bytes themselves.
  package func map(_ file: DiskFile, length: Int, writable: Bool) throws(DiskError) -> Segment {
    let open = try find(file, .map)
    try enter(.map, open.path)
    guard length > 0, length <= open.file.length else {
      throw DiskError(.failed(ErrorNumber.invalid), operation: DiskCall.map.rawValue, path: open.path)
    }
    open.file.mappings += 1
    mapped[file.id, default: (open.file, 0)].count += 1
    return unsafe Segment(base: open.file.visible, capacity: length, file: file)
  }

  /// Ends one mapping; a segment from before a crash is no mapping any more.
  package func unmap(_ segment: Segment) {
    guard let mapping = mapped[segment.file.id] else { return }
    mapping.file.mappings -= 1
    mapped[segment.file.id] = mapping.count > 1 ? (mapping.file, mapping.count - 1) : nil
  }

  private func find(_ segment: Segment, _ call: DiskCall) throws(DiskError) -> SimulatedFile {
    guard let file = mapped[segment.file.id]?.file else {
      let code = hasCrashed ? ErrorNumber.crashed : ErrorNumber.invalid
      throw DiskError(.failed(code), operation: call.rawValue, path: "segment of handle \(segment.file.id)")
    }
    return file
  }

  /// Gives blocks to the range.
  package func populate(_ segment: Segment, _ range: Range<Int>) throws(DiskError) {
    let file = try find(segment, .populate)
    try enter(.populate, "file \(file.id)")
    precondition(range.lowerBound >= 0 && range.upperBound <= segment.capacity, "range outside of the segment")
    try reserve(file, range, .populate, "file \(file.id)")
  }

  /// Brings the sectors of the range, and the length, to the device.
  package func flush(_ segment: Segment, _ range: Range<Int>) throws(DiskError) {
    let file = try find(segment, .flush)
    precondition(range.lowerBound >= 0 && range.upperBound <= segment.capacity, "range outside of the segment")
    try enter(.flush, "file \(file.id)") { crashes in
      if !crashes { abandonSome(file, range) }
    }
    try tellFailure(of: file, .flush)
    if ignoresFlushes { return }
    noteWritesWithoutSpace(file, in: range)
    let dirty = file.dirtySectors(in: range)
    if !dirty.isEmpty { file.modified = now }
    file.persist(dirty)
    // msync calls fsync of the range, which brings the length that the range needs.
    if file.durableLength < file.length { file.persistLength() }
  }

  /// Whether chance has the range in memory, as `coldPercent` says.
  package func isResident(_ segment: Segment, _ range: Range<Int>) -> Bool { !random.chance(coldPercent, in: 100) }

  /// Does nothing: everything is in memory.
  package func warm(_ segment: Segment, _ range: Range<Int>) {}
}
