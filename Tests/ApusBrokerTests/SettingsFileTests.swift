import ApusBase
import ApusSimulator
import Testing

@testable import ApusBroker

/// The file of `-c` when settings are changed by request.
@Suite struct SettingsFileTests {
  private let path = "/conf/broker.conf"
  private let disk = SimulatedDisk(seed: 1)

  private func write(_ text: String) throws {
    var file = ConfigFile(path: path)
    try file.store(Array(text.utf8).rawSpan, to: disk)
  }

  private func text(_ name: String = "/conf/broker.conf") throws -> String? {
    try ConfigFile(path: name).content(on: disk).map { String(decoding: $0, as: UTF8.self) }
  }

  private func opened(_ text: String) throws -> SettingsFile {
    try write(text)
    return SettingsFile(path: path, properties: try PropertiesFile(parsing: Array(text.utf8).rawSpan), disk: disk)
  }

  @Test func `comments, order and keys that nobody knows stay, and the file before is kept`() throws {
    let before = "# ours\nownKey = 7\nbrokerName=a\n\n# how long\nfileReservedTime=72\n"
    let file = try opened(before)
    try file.merge([.init("fileReservedTime", "48"), .init("traceOn", "false")])
    #expect(
      try text() == "# ours\nownKey = 7\nbrokerName=a\n\n# how long\nfileReservedTime=48\ntraceOn=false\n")
    #expect(try text(path + ".bak") == before)
  }

  @Test func `what the owner changed since the start stays`() throws {
    let file = try opened("brokerName=a\n")
    try write("brokerName=a\n# since Monday\nfileReservedTime=24\n")
    try file.merge([.init("traceOn", "false")])
    #expect(try text() == "brokerName=a\n# since Monday\nfileReservedTime=24\ntraceOn=false\n")
  }

  @Test func `a file that cannot be read as it is now is left alone`() throws {
    let file = try opened("brokerName=a\n")
    try write("brokerName=\\u12\n")
    let failure = #expect(throws: SettingsFile.Failure.self) { try file.merge([.init("traceOn", "false")]) }
    #expect(failure?.description.hasPrefix("cannot be read as it is now, no setting was changed: ") == true)
    #expect(try text() == "brokerName=\\u12\n")
  }

  @Test func `a file that was removed is made again from what is known of it`() throws {
    let file = try opened("brokerName=a\n")
    try disk.removeFile(path)
    try file.merge([.init("traceOn", "false")])
    #expect(try text() == "brokerName=a\ntraceOn=false\n")
  }
}
