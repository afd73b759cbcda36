import ApusBase
import ApusSimulator
import Testing

/// ``ApusBase/ConfigFile`` on a disk that crashes and fails.
@Suite struct ConfigFileCrashTests {
  private static func parse(_ bytes: RawSpan) throws(DecodeError) -> String {
    guard bytes.byte(at: bytes.byteCount - 1) == UInt8(ascii: ".") else {
      throw DecodeError(field: "text", offset: bytes.byteCount, reason: "ends without a full stop")
    }
    return bytes.text
  }

  private func load(_ disk: SimulatedDisk) throws -> String? {
    var file = ConfigFile(path: "home/config/kv.json")
    return try file.load(from: disk, Self.parse)?.value
  }

  private func put(_ text: String, at path: String, on disk: SimulatedDisk) throws {
    try disk.createDirectory("home/config")
    let file = try disk.open(path, create: true)
    try disk.setLength(of: file, to: 0)
    try unsafe Array(text.utf8).withUnsafeBytes { try unsafe disk.write(file, at: 0, from: $0) }
    disk.close(file)
  }

  @Test func `there is nothing to load at first`() throws {
    #expect(try load(SimulatedDisk(seed: 1)) == nil)
  }

  @Test func `loads what was stored and keeps the one before`() throws {
    let disk = SimulatedDisk(seed: 1)
    var file = ConfigFile(path: "home/config/kv.json")
    try file.store(Array("one.".utf8).rawSpan, to: disk)
    try file.store(Array("two.".utf8).rawSpan, to: disk)
    #expect(try load(disk) == "two.")
    #expect(try disk.list("home/config").map(\.name) == ["kv.json", "kv.json.bak"])
    try disk.removeFile("home/config/kv.json")
    #expect(try load(disk) == "one.")
  }

  @Test(arguments: ["damaged", ""])
  func `takes the backup when the file is damaged or empty, and keeps it`(_ content: String) throws {
    let disk = SimulatedDisk(seed: 1)
    try put("good.", at: "home/config/kv.json.bak", on: disk)
    try put(content, at: "home/config/kv.json", on: disk)
    var file = ConfigFile(path: "home/config/kv.json")
    let loaded = try #require(try file.load(from: disk, Self.parse))
    #expect(loaded.value == "good.")
    #expect(loaded.source != .file)
    // The damaged file must not become the backup.
    try file.store(Array("new.".utf8).rawSpan, to: disk)
    try disk.removeFile("home/config/kv.json")
    #expect(try load(disk) == "good.")
  }

  @Test func `says what is wrong when there is no backup to take`() throws {
    let disk = SimulatedDisk(seed: 1)
    try put("damaged", at: "home/config/kv.json", on: disk)
    let error = #expect(throws: ConfigFileError.self) { try load(disk) }
    #expect(error?.description.contains("kv.json and its backup cannot be read") == true)
  }

  @Test(arguments: CrashKind.allCases, [0, 1, 2] as [UInt64])
  func `a crash at any step leaves the old or the new content`(_ kind: CrashKind, _ seed: UInt64) throws {
    var outcomes: Set<String> = []
    for call in 1..<40 {
      let disk = SimulatedDisk(seed: seed)
      var file = ConfigFile(path: "home/config/kv.json")
      try file.store(Array("one.".utf8).rawSpan, to: disk)
      try file.store(Array("two.".utf8).rawSpan, to: disk)
      disk.plan = FaultPlan(crashAtCall: call, crashKind: kind)
      var isStored = false
      do {
        try file.store(Array("three.".utf8).rawSpan, to: disk)
        isStored = true
      } catch {}
      guard disk.hasCrashed else { break }
      disk.restart()
      disk.plan = FaultPlan()
      let content = try #require(try load(disk))
      #expect(content == "three." || content == "two." && !isStored, "call \(call)")
      outcomes.insert(content)
    }
    #expect(outcomes.contains("two."))
  }

  @Test(arguments: [DiskCall.open, .write, .sync, .rename, .syncDirectory])
  func `a failed call leaves a content that loads and can be tried again`(_ call: DiskCall) throws {
    let disk = SimulatedDisk(seed: 3)
    var file = ConfigFile(path: "home/config/kv.json")
    try file.store(Array("one.".utf8).rawSpan, to: disk)
    for occurrence in 1...2 {
      disk.plan = FaultPlan(failures: [.init(call, occurrence: occurrence, code: .failed(5))])
      do { try file.store(Array("two.".utf8).rawSpan, to: disk) } catch { #expect(error.code == .failed(5)) }
      disk.plan = FaultPlan()
      let content = try load(disk)
      #expect(content == "one." || content == "two.")
      try file.store(Array("one.".utf8).rawSpan, to: disk)
      #expect(try load(disk) == "one.")
    }
  }
}
