import ApusBase
import Testing

@testable import ApusSimulator

extension SimulatedDisk {
  /// Makes a durable directory `d`, and a file in it with a durable name and durable bytes.
  fileprivate func prepared(_ path: String, _ bytes: [UInt8]) throws -> DiskFile {
    try createDirectory("d")
    try syncDirectory("")
    let file = try open(path, create: true)
    try put(bytes, at: 0, of: file)
    try sync(file)
    try syncDirectory("d")
    return file
  }

  fileprivate func put(_ bytes: [UInt8], at offset: Int64, of file: DiskFile) throws {
    try unsafe bytes.withUnsafeBytes { try unsafe write(file, at: offset, from: $0) }
  }

  fileprivate func content(of path: String) throws -> [UInt8] {
    let file = try open(path, create: false)
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: Int(try length(of: file)))
    let count = try unsafe bytes.withUnsafeMutableBytes { try unsafe read(file, at: 0, into: $0) }
    #expect(count == bytes.count)
    return bytes
  }
}

extension Segment {
  fileprivate func fill(_ range: Range<Int>, _ byte: UInt8) {
    unsafe (base + range.lowerBound).initializeMemory(as: UInt8.self, repeating: byte, count: range.count)
  }
}

private func bytes(_ byte: UInt8, _ count: Int) -> [UInt8] { Array(repeating: byte, count: count) }

@Suite struct SimulatedDiskTests {
  @Test func `a segment and reads and writes see the same bytes`() throws {
    let disk = SimulatedDisk(seed: 1)
    let file = try disk.prepared("d/log", bytes(1, 4096))
    let segment = try disk.map(file, length: 4096, writable: true)
    segment.fill(10..<20, 7)
    #expect(try disk.content(of: "d/log")[8..<22] == [1, 1, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 1, 1])
    try disk.put([9], at: 10, of: file)
    #expect(unsafe segment.bytes(10..<11)[0] == 9)
  }

  @Test func `a kill keeps what was written through calls and segments`() throws {
    let disk = SimulatedDisk(seed: 1)
    let file = try disk.prepared("d/log", bytes(1, 4096))
    let segment = try disk.map(file, length: 4096, writable: true)
    segment.fill(0..<4096, 2)
    _ = try disk.open("d/other", create: true)
    disk.crash(.kill)
    segment.fill(0..<4096, 3)
    disk.restart()
    #expect(try disk.content(of: "d/log") == bytes(2, 4096))
    #expect(try disk.list("d").map(\.name) == ["log", "other"])
  }

  @Test func `power loss keeps what was synced, and the rest sector by sector`() throws {
    var kept = 0
    var lost = 0
    for seed in 0..<50 as Range<UInt64> {
      let disk = SimulatedDisk(seed: seed)
      let file = try disk.prepared("d/log", bytes(1, 16 * 512))
      let segment = try disk.map(file, length: 16 * 512, writable: true)
      segment.fill(0..<8 * 512, 2)
      try disk.flush(segment, 0..<4 * 512)
      disk.crash(.powerLoss)
      disk.restart()
      let found = try disk.content(of: "d/log")
      #expect(Array(found[..<2048]) == bytes(2, 2048))
      #expect(Array(found[4096...]) == bytes(1, 4096))
      for sector in 4..<8 {
        let part = Array(found[sector * 512..<(sector + 1) * 512])
        #expect(part == bytes(1, 512) || part == bytes(2, 512))
        if part[0] == 2 { kept += 1 } else { lost += 1 }
      }
    }
    #expect(kept > 20 && lost > 20)
  }

  @Test func `a length that was not synced may be lost, and may be kept without its bytes`() throws {
    var lengths: Set<Int> = []
    var withoutBytes = false
    for seed in 0..<100 as Range<UInt64> {
      let disk = SimulatedDisk(seed: seed)
      let file = try disk.prepared("d/log", bytes(1, 512))
      try disk.put(bytes(2, 512), at: 512, of: file)
      disk.crash(.powerLoss)
      disk.restart()
      let found = try disk.content(of: "d/log")
      lengths.insert(found.count)
      if found.count == 1024, found[512] == 0 { withoutBytes = true }
    }
    #expect(lengths == [512, 1024])
    #expect(withoutBytes)
  }

  @Test func `names that no directory sync covered are lost each on its own`() throws {
    var outcomes: Set<[String]> = []
    for seed in 0..<200 as Range<UInt64> {
      let disk = SimulatedDisk(seed: seed)
      let file = try disk.prepared("d/old", bytes(1, 512))
      disk.close(file)
      _ = try disk.open("d/new", create: true)
      try disk.rename("d/old", to: "d/moved")
      disk.crash(.powerLoss)
      disk.restart()
      outcomes.insert(try disk.list("d").map(\.name))
    }
    #expect(outcomes == [["old"], ["moved"], ["new", "old"], ["moved", "new"]])
  }

  @Test func `a directory whose name was never synced takes its files along`() throws {
    var outcomes: Set<Bool> = []
    for seed in 0..<50 as Range<UInt64> {
      let disk = SimulatedDisk(seed: seed)
      try disk.createDirectory("a/b")
      let file = try disk.open("a/b/file", create: true)
      try disk.sync(file)
      try disk.syncDirectory("a/b")
      disk.crash(.powerLoss)
      disk.restart()
      outcomes.insert(try disk.list("a/b").isEmpty)
    }
    #expect(outcomes == [true, false])
  }

  @Test func `a rename puts one file in the place of another, never both or none`() throws {
    for seed in 0..<50 as Range<UInt64> {
      let disk = SimulatedDisk(seed: seed)
      disk.close(try disk.prepared("d/checkpoint", bytes(1, 512)))
      disk.close(try disk.prepared("d/checkpoint.tmp", bytes(2, 512)))
      try disk.rename("d/checkpoint.tmp", to: "d/checkpoint")
      disk.crash(.powerLoss)
      disk.restart()
      let found = try disk.content(of: "d/checkpoint")
      #expect(found == bytes(1, 512) || found == bytes(2, 512))
      #expect(try disk.list("d").count == (found[0] == 1 ? 2 : 1))
    }
  }

  @Test func `handles and locks end with the machine`() throws {
    let disk = SimulatedDisk(seed: 1)
    let file = try disk.prepared("d/log", bytes(1, 512))
    let segment = try disk.map(file, length: 512, writable: true)
    _ = try disk.lock("d/lock")
    #expect(throws: DiskError(.locked, operation: "lock", path: "d/lock")) { try disk.lock("d/lock") }
    disk.crash(.kill)
    #expect(throws: DiskError(.failed(ErrorNumber.crashed), operation: "list", path: "d")) { try disk.list("d") }
    disk.restart()
    _ = try disk.lock("d/lock")
    #expect(throws: DiskError.self) { try disk.length(of: file) }
    #expect(throws: DiskError.self) { try disk.flush(segment, 0..<512) }
    disk.unmap(segment)
    disk.close(file)
  }

  @Test func `fails the call that the plan names, once`() throws {
    let disk = SimulatedDisk(seed: 1)
    let file = try disk.prepared("d/log", bytes(1, 512))
    disk.plan = FaultPlan(failures: [.init(.sync, occurrence: 2, code: .failed(ErrorNumber.inputOutput))])
    try disk.sync(file)
    #expect(throws: DiskError(.failed(5), operation: "sync", path: "d/log")) { try disk.sync(file) }
    try disk.sync(file)
    #expect(disk.faults == [.sync: 1])
  }

  @Test func `what a failed sync gave up does not come with the next one`() throws {
    var lost = 0
    for seed in 0..<20 as Range<UInt64> {
      let disk = SimulatedDisk(seed: seed)
      let file = try disk.prepared("d/log", bytes(1, 4096))
      try disk.put(bytes(2, 4096), at: 0, of: file)
      disk.plan = FaultPlan(failures: [.init(.sync, occurrence: 1, code: .failed(ErrorNumber.inputOutput))])
      #expect(throws: DiskError.self) { try disk.sync(file) }
      try disk.sync(file)
      try disk.put(bytes(3, 512), at: 0, of: file)
      try disk.sync(file)
      disk.crash(.powerLoss)
      disk.restart()
      let found = try disk.content(of: "d/log")
      #expect(Array(found[..<512]) == bytes(3, 512))
      if found.contains(1) { lost += 1 }
    }
    #expect(lost > 10)
  }

  @Test func `stops at the call the plan names, a write leaving a prefix`() throws {
    var lengths: Set<Int> = []
    for seed in 0..<50 as Range<UInt64> {
      let disk = SimulatedDisk(seed: seed)
      let file = try disk.prepared("d/log", [])
      disk.plan = FaultPlan(crashAtCall: 2, crashKind: .kill)
      try disk.sync(file)
      #expect(throws: DiskError(.failed(ErrorNumber.crashed), operation: "write", path: "d/log")) {
        try disk.put(bytes(7, 4), at: 0, of: file)
      }
      #expect(disk.hasCrashed)
      disk.restart()
      lengths.insert(try disk.content(of: "d/log").count)
    }
    #expect(lengths == [0, 1, 2, 3, 4])
  }

  @Test func `stops at the call of the kind that the plan names`() throws {
    let disk = SimulatedDisk(seed: 1)
    let file = try disk.prepared("d/log", bytes(1, 512))
    disk.plan = FaultPlan(crashAtCall: 2, of: .sync, crashKind: .kill)
    try disk.sync(file)
    try disk.put([2], at: 0, of: file)
    #expect(throws: DiskError(.failed(ErrorNumber.crashed), operation: "sync", path: "d/log")) { try disk.sync(file) }
  }

  @Test func `a directory that somebody takes away is gone for good with all that is in it`() throws {
    let disk = SimulatedDisk(seed: 1)
    try disk.createDirectory("d/queue/0")
    disk.close(try disk.prepared("d/queue/0/a", bytes(1, 512)))
    disk.close(try disk.prepared("d/kept", bytes(1, 512)))
    disk.lose("d/queue")
    disk.crash(.powerLoss)
    disk.restart()
    #expect(try disk.list("d").map(\.name) == ["kept"])
  }

  @Test func `what was in a directory that was removed does not come back with another of its name`() throws {
    for seed in 0..<20 as Range<UInt64> {
      let disk = SimulatedDisk(seed: seed)
      try disk.createDirectory("d/queue")
      disk.close(try disk.prepared("d/queue/file", bytes(1, 512)))
      try disk.syncDirectory("d/queue")
      try disk.removeDirectory("d/queue")
      try disk.syncDirectory("d")
      try disk.createDirectory("d/queue")
      try disk.syncDirectory("d")
      disk.crash(.powerLoss)
      disk.restart()
      #expect(try disk.list("d/queue").isEmpty)
    }
  }

  @Test func `space runs out when blocks are asked for, and comes back with the file`() throws {
    let disk = SimulatedDisk(seed: 1, capacity: 3 * 4096)
    let file = try disk.prepared("d/log", [])
    try disk.allocate(file, length: 2 * 4096)
    #expect(try disk.space(of: "d") == DiskSpace(total: 3 * 4096, available: 4096))
    let sparse = try disk.open("d/index", create: true)
    try disk.setLength(of: sparse, to: 1 << 16)
    let segment = try disk.map(sparse, length: 1 << 16, writable: true)
    #expect(throws: DiskError.self) { try disk.populate(segment, 0..<8192) }
    try disk.populate(segment, 8000..<8100)
    #expect(throws: DiskError(.full, operation: "write", path: "d/log")) {
      try disk.put([1], at: 2 * 4096, of: file)
    }
    segment.fill(8000..<8100, 1)
    #expect(disk.writesWithoutSpace == 0)
    segment.fill(0..<10, 1)
    try disk.flush(segment, 0..<4096)
    #expect(disk.writesWithoutSpace == 1)
    disk.unmap(segment)
    disk.close(sparse)
    try disk.removeFile("d/index")
    #expect(try disk.space(of: "d").available == 4096)
  }

  @Test func `the same seed and calls give the same bytes`() throws {
    func run() throws -> [[UInt8]] {
      let disk = SimulatedDisk(seed: 77)
      var found: [[UInt8]] = []
      for round in 0..<5 as Range<UInt8> {
        let files = try (0..<8).map { try disk.prepared("d/\($0)", bytes(round, 2048)) }
        for file in files { try disk.put(bytes(round + 100, 4096), at: 512, of: file) }
        disk.writeBack()
        disk.crash(.powerLoss)
        disk.restart()
        for entry in try disk.list("d") { found.append(try disk.content(of: "d/" + entry.name)) }
      }
      return found
    }
    #expect(try run() == run())
  }

  @Test func `lists files and directories by name, and removes trees`() throws {
    let disk = SimulatedDisk(seed: 1)
    try disk.createDirectory("store/queue/0/")
    _ = try disk.open("store/queue/b", create: true)
    _ = try disk.open("store/queue/0/a", create: true)
    #expect(
      try disk.list("store/queue/") == [
        DiskEntry(name: "0", isDirectory: true, length: 0), DiskEntry(name: "b", isDirectory: false, length: 0),
      ])
    try disk.removeDirectory("store/queue")
    #expect(try disk.list("store") == [])
    #expect(try disk.list("store/queue/0") == [])
    #expect(throws: DiskError(.notFound, operation: "open", path: "store/queue/c")) {
      try disk.open("store/queue/c", create: true)
    }
  }
}
