import ApusBase
import ApusSystem
import Foundation
import Testing

@Suite struct BusErrorTests {
  @Test func `reading a mapped file that was cut ends the process with its name and the offset`() async throws {
    let result = try await #require(processExitsWith: .signal(SIGBUS), observing: [\.standardErrorContent]) {
      try Signals.reportBusErrors()
      let disk = PosixDisk()
      let path = NSTemporaryDirectory() + "apus-bus-\(ProcessInfo.processInfo.processIdentifier)"
      let file = try disk.open(path, create: true)
      try disk.setLength(of: file, to: 1 << 20)
      let segment = try disk.map(file, length: 1 << 20, writable: false)
      try disk.setLength(of: file, to: 4096)
      try disk.removeFile(path)
      let log = try Logger(onThreadTo: nil)
      log.info("test", "the last words")
      let byte = unsafe segment.base.load(fromByteOffset: 8192 + 5, as: UInt8.self)
      log.info("test", "not said", ["byte": Int(byte)])
      exit(Int32(byte))
    }
    let said = String(decoding: result.standardErrorContent, as: UTF8.self)
    #expect(said.contains("INFO test: the last words\n") && !said.contains("not said"), "\(said)")
    #expect(said.contains("SIGBUS") && said.contains("apus-bus-") && said.contains("at offset 8197"), "\(said)")
  }
}
