import ApusBase
import ApusSystem
import Glibc
import Testing

@Suite struct PosixDiskTests {
  let directory: TemporaryDirectory
  let disk = PosixDisk()

  init() throws { directory = try TemporaryDirectory() }

  @Test func `lists names sorted, with kinds and lengths`() throws {
    try disk.createDirectory(directory.file("b/deep/er"))
    try disk.createDirectory(directory.file("b/deep"))
    let file = try disk.open(directory.file("a"), create: true)
    try disk.writeText("hello", to: file)
    disk.close(file)
    unsafe #expect(symlink("nowhere", directory.file("dead")) == 0)
    #expect(
      try disk.list(directory.path) == [
        DiskEntry(name: "a", isDirectory: false, length: 5), DiskEntry(name: "b", isDirectory: true, length: 0),
      ])
    #expect(try disk.list(directory.file("missing")).isEmpty)
  }

  @Test func `a directory is made with those above it, whatever character its name begins with`() throws {
    try disk.createDirectory(directory.file("new/\u{301}x/y"))
    #expect(try disk.list(directory.file("new")).map(\.name) == ["\u{301}x"])
    #expect(try disk.list(directory.file("new/\u{301}x")).map(\.name) == ["y"])
  }

  @Test func `removes what is there and does not mind what is not`() throws {
    try disk.createDirectory(directory.file("x/y"))
    disk.close(try disk.open(directory.file("x/y/f"), create: true))
    unsafe #expect(symlink("nowhere", directory.file("x/dead")) == 0)
    unsafe #expect(symlink("/tmp", directory.file("x/link")) == 0)
    try disk.removeDirectory(directory.file("x"))
    try disk.removeDirectory(directory.file("x"))
    try disk.removeFile(directory.file("missing"))
    #expect(try disk.list(directory.path).isEmpty)
    #expect(try disk.list("/tmp").isEmpty == false)
  }

  @Test func `a file that takes another's place can be read by no more users than that one`() throws {
    let path = directory.file("secret.conf")
    disk.close(try disk.open(path, create: true))
    unsafe #expect(chmod(path, 0o600) == 0)
    var file = ConfigFile(path: path)
    try file.store(Array("a=1".utf8).rawSpan, to: disk)
    #expect(try mode(of: path) == 0o600)
    // Where there is none yet, it gets the usual mode.
    try disk.removeFile(path)
    try file.store(Array("a=2".utf8).rawSpan, to: disk)
    #expect(try mode(of: path) & 0o400 != 0)
  }

  @Test func `a file without a backup is replaced for the same users`() throws {
    let path = directory.file("deletions")
    disk.close(try disk.open(path, create: true))
    unsafe #expect(chmod(path, 0o600) == 0)
    try disk.replace(path, with: Array("new".utf8).rawSpan)
    #expect(try mode(of: path) == 0o600)
    #expect(try disk.contents(of: path, limit: 2) == Array("ne".utf8))
    #expect(try disk.contents(of: path, limit: 100) == Array("new".utf8))
    #expect(try disk.contents(of: path + ".tmp", limit: 100) == nil)
  }

  private func mode(of path: String) throws -> mode_t {
    var status = stat()
    let result = unsafe stat(path, &status)
    try #require(result == 0)
    return status.st_mode & 0o777
  }

  @Test func `tells devices apart, behind links too`() throws {
    try disk.createDirectory(directory.file("d"))
    unsafe #expect(symlink("/proc", directory.file("elsewhere")) == 0)
    #expect(try disk.sharesDevice(directory.file("d"), with: directory.path))
    #expect(try !disk.sharesDevice(directory.file("elsewhere"), with: directory.path))
  }

  @Test func `says why it cannot open`() throws {
    #expect(throws: DiskError(.notFound, operation: "open", path: directory.file("missing"))) {
      try disk.open(directory.file("missing"), create: false)
    }
    disk.close(try disk.open(directory.file("f"), create: true))
    #expect(throws: DiskError(.failed(ENOTDIR), operation: "mkdir", path: directory.file("f"))) {
      try disk.createDirectory(directory.file("f"))
    }
  }

  @Test func `reads what it wrote, short only at the end`() throws {
    let file = try disk.open(directory.file("f"), create: true)
    defer { disk.close(file) }
    try disk.writeText("0123456789", to: file, at: 5)
    #expect(try disk.length(of: file) == 15)
    #expect(try disk.readText(file, at: 4, count: 4) == "\0012")
    #expect(try disk.readText(file, at: 12, count: 100) == "789")
    #expect(try disk.readText(file, at: 15, count: 1) == "")
    try disk.setLength(of: file, to: 7)
    #expect(try disk.readText(file, at: 5, count: 100) == "01")
    try disk.sync(file)
    try disk.syncDirectory(directory.path)
    let age = SystemClock.wall().milliseconds - (try disk.modificationTime(of: directory.file("f"))).milliseconds
    #expect((-1000...60_000).contains(age))
  }

  @Test func `reads from the page cache without waiting`() throws {
    let file = try disk.open(directory.file("f"), create: true)
    defer { disk.close(file) }
    try disk.writeText("cached", to: file)
    var bytes = [UInt8](repeating: 0, count: 10)
    let count = try unsafe bytes.withUnsafeMutableBytes { try unsafe disk.readIfCached(file, at: 0, into: $0) }
    #expect(count == 6)
    // Dropped from memory, it has to say so instead of waiting.
    try disk.sync(file)
    #expect(posix_fadvise(file.id, 0, 0, POSIX_FADV_DONTNEED) == 0)
    let segment = try disk.map(file, length: 6, writable: false)
    defer { disk.unmap(segment) }
    if !disk.isResident(segment, 0..<6) {
      let cold = try unsafe bytes.withUnsafeMutableBytes { try unsafe disk.readIfCached(file, at: 0, into: $0) }
      #expect(cold == nil)
      disk.warm(segment, 0..<6)
      #expect(disk.isResident(segment, 0..<6))
    }
  }

  @Test func `maps memory that outlives the descriptor and reaches the file`() throws {
    let file = try disk.open(directory.file("log"), create: true)
    try disk.allocate(file, length: 1 << 20)
    #expect(try disk.length(of: file) == 1 << 20)
    let segment = try disk.map(file, length: 1 << 20, writable: true)
    disk.close(file)
    try disk.populate(segment, 5000..<300_000)
    #expect(disk.isResident(segment, 4096..<300_000))
    unsafe segment.base.storeBytes(of: 0x41, toByteOffset: 5000, as: UInt8.self)
    try disk.flush(segment, 5000..<5001)
    try disk.flush(segment, 7..<7)
    disk.unmap(segment)
    let again = try disk.open(directory.file("log"), create: false)
    defer { disk.close(again) }
    #expect(try disk.readText(again, at: 5000, count: 1) == "A")
  }

  @Test func `populating beyond the file says full instead of raising a signal`() throws {
    let file = try disk.open(directory.file("log"), create: true)
    defer { disk.close(file) }
    let segment = try disk.map(file, length: 1 << 16, writable: true)
    defer { disk.unmap(segment) }
    let failure = #expect(throws: DiskError.self) { try disk.populate(segment, 0..<(1 << 16)) }
    #expect(failure?.code == .full)
  }

  @Test func `a full file system is told apart`() throws {
    let full = try disk.open("/dev/full", create: false)
    defer { disk.close(full) }
    let failure = #expect(throws: DiskError.self) { try disk.writeText("x", to: full) }
    #expect(failure?.code == .full)
  }

  @Test func `a file system without fallocate is told apart`() throws {
    let null = try disk.open("/proc/self/comm", create: false)
    defer { disk.close(null) }
    let failure = #expect(throws: DiskError.self) { try disk.allocate(null, length: 4096) }
    #expect(failure?.code == .unsupported || failure?.code == .failed(ENODEV))
  }

  @Test func `a locked file is locked for everybody else and free again after close`() throws {
    let path = directory.file("lock")
    let file = try disk.lock(path)
    #expect(try directory.text("lock") == "lock")
    #expect(throws: DiskError(.locked, operation: "lock", path: path)) { try disk.lock(path) }
    // Java's kind of lock, which another descriptor of this process sees as a conflict too.
    let other = try disk.open(path, create: false)
    disk.close(other)
    #expect(throws: DiskError(.locked, operation: "lock", path: path)) { try disk.lock(path) }
    disk.close(file)
    disk.close(try disk.lock(path))
  }

  @Test func `a lock that is shared keeps only the other kind away, and needs a file that is there`() throws {
    let path = directory.file("lock")
    let reader = PosixDisk(.reading)
    #expect(try reader.lockShared(path) == nil)
    let writer = try disk.lock(path)
    #expect(throws: DiskError(.locked, operation: "lock", path: path)) { try reader.lockShared(path) }
    disk.close(writer)
    let first = try #require(try reader.lockShared(path))
    let second = try #require(try reader.lockShared(path))
    reader.close(first)
    #expect(throws: DiskError(.locked, operation: "lock", path: path)) { try disk.lock(path) }
    reader.close(second)
    disk.close(try disk.lock(path))
  }

  @Test func `who may only read makes, changes and removes nothing`() throws {
    try disk.createDirectory(directory.file("d"))
    let made = try disk.open(directory.file("f"), create: true)
    try disk.writeText("kept", to: made)
    disk.close(made)
    let reader = PosixDisk(.reading)
    let calls: [(PosixDisk) throws -> Void] = [
      { try $0.createDirectory(directory.file("e")) }, { try $0.removeDirectory(directory.file("d")) },
      { try $0.removeFile(directory.file("f")) }, { try $0.rename(directory.file("f"), to: directory.file("g")) },
      { _ = try $0.open(directory.file("new"), create: true) }, { _ = try $0.lock(directory.file("f")) },
    ]
    for call in calls {
      let failure = #expect(throws: DiskError.self) { try call(reader) }
      #expect(failure?.code == .denied)
    }
    let file = try reader.open(directory.file("f"), create: false)
    defer { reader.close(file) }
    #expect(throws: DiskError.self) { try reader.writeText("lost", to: file) }
    #expect(throws: DiskError.self) { try reader.setLength(of: file, to: 0) }
    #expect(throws: DiskError.self) { try reader.map(file, length: 4, writable: true) }
    let segment = try reader.map(file, length: 4, writable: false)
    reader.unmap(segment)
    #expect(try reader.readText(file, at: 0, count: 9) == "kept")
    #expect(try reader.list(directory.path).map(\.name) == ["d", "f"])
  }

  @Test func `renames over what is there`() throws {
    let old = try disk.open(directory.file("old"), create: true)
    try disk.writeText("old", to: old)
    disk.close(old)
    let new = try disk.open(directory.file("new"), create: true)
    try disk.writeText("new", to: new)
    disk.close(new)
    try disk.rename(directory.file("new"), to: directory.file("old"))
    #expect(try directory.text("old") == "new")
    #expect(try disk.list(directory.path).count == 1)
  }

  @Test func `knows the space of the file system`() throws {
    let space = try disk.space(of: directory.path)
    #expect(space.total > 0)
    #expect(space.available <= space.free && space.free <= space.total)
    #expect((0...1).contains(space.usedRatio))
  }
}
