import ApusBase
import ApusModel
import ApusStoreCore
import Testing

@testable import ApusStore

/// What is found behind damage in a log file.
@Suite struct LogScannerTests {
  private let start = PhysicalOffset(4096)

  /// A record as it would lie at an offset of the log.
  private func record(_ topic: String, body: [UInt8], at offset: PhysicalOffset) -> [UInt8] {
    let name = Array(topic.utf8)
    let draft = RecordDraft(
      topic: name.rawSpan, body: body.rawSpan, properties: RawSpan(), queueID: 0, flag: 0, sysFlag: [],
      bodyCRC: CRC32.body(body.rawSpan), bornTime: WallTime(milliseconds: 1), bornHost: .loopback(port: 1),
      storeHost: .loopback(port: 2), tagsCode: 0)
    let count = draft.recordBytes
    return unsafe [UInt8](unsafeUninitializedCapacity: draft.recordBytes) { room, used in
      guard let base = room.baseAddress else { return }
      unsafe draft.encode(
        to: UnsafeMutableRawPointer(base), queueOffset: .zero, physicalOffset: offset,
        storeTime: WallTime(milliseconds: 2))
      used = count
    }
  }

  @Test func `what looks like a record in the body of a damaged one is none`() {
    // The body begins 88 bytes behind its record, with eight bytes of its own.
    let forged = record("Others", body: [1, 2, 3], at: start + 96)
    let outer = record("T", body: [UInt8](repeating: 7, count: 8) + forged, at: start)
    var bytes = outer + record("T", body: [4], at: start + outer.count)
    bytes[90] ^= 0xFF
    let scanner = LogScanner(bytes.rawSpan, start: start, checksBodies: true)
    guard case .record = scanner.item(at: 96) else {
      Issue.record("the body does not hold what looks like a record")
      return
    }
    guard case .bad = scanner.item(at: 0) else {
      Issue.record("the record is not damaged")
      return
    }
    let next = scanner.resume(after: 0)
    #expect(next == outer.count)
  }

  @Test func `behind a record whose lengths do not add up the next one is found`() {
    let first = record("T", body: [1, 2, 3], at: start)
    var bytes = first + record("T", body: [4], at: start + first.count)
    bytes[2] ^= 0xFF
    let scanner = LogScanner(bytes.rawSpan, start: start, checksBodies: true)
    let next = scanner.resume(after: 0)
    #expect(next == first.count)
  }
}
