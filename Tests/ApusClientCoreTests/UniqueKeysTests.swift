import ApusBase
import Testing

@testable import ApusClientCore

@Suite struct UniqueKeysTests {
  private static let month = WallTime(milliseconds: 1_000_000)..<WallTime(milliseconds: 1_000_000 + 31 * 86_400_000)

  @Test func `ids have Java's layout`() throws {
    for row in try RecordedRows.of("uniqKey") where row[1].contains(".") {
      let address = row[1].split(separator: ".").compactMap { UInt8($0) }
      let (process, maker) = (try #require(Int32(row[2])), try #require(Int64(row[3])))
      let (time, counter) = (try #require(Int64(row[4])), try #require(Int(row[5])))
      let now = Self.month.lowerBound.advanced(byMilliseconds: time)
      var keys = UniqueKeys(
        address: address, processID: process, maker: UInt32(truncatingIfNeeded: maker), now: now,
        monthAround: { _ in Self.month })
      for _ in 0..<counter { _ = keys.next(now: now) }
      #expect(String(decoding: keys.next(now: now), as: UTF8.self) == row[0])
    }
  }

  @Test func `an address of 16 bytes makes an id of 56 digits`() {
    var keys = UniqueKeys(
      address: [UInt8](repeating: 0xFD, count: 16), processID: 70_000, maker: 7, now: Self.month.lowerBound,
      monthAround: { _ in Self.month })
    #expect(
      String(decoding: keys.next(now: Self.month.lowerBound), as: UTF8.self)
        == String(repeating: "FD", count: 16) + "1170" + "00000007" + "00000000" + "0000")
  }

  @Test func `70,000 ids of one millisecond differ, as the counter counts on`() {
    var keys = UniqueKeys(
      address: [1, 2, 3, 4], processID: 1, maker: 1, now: Self.month.lowerBound, monthAround: { _ in Self.month })
    let ids = Set((0..<65_536).map { _ in keys.next(now: Self.month.lowerBound) })
    #expect(ids.count == 65_536)
  }

  @Test func `a new month is counted from its own start`() {
    let next = Self.month.upperBound..<Self.month.upperBound.advanced(byMilliseconds: 1 << 31)
    var keys = UniqueKeys(
      address: [1, 2, 3, 4], processID: 1, maker: 1, now: Self.month.lowerBound,
      monthAround: { Self.month.contains($0) ? Self.month : next })
    let digits = keys.next(now: next.lowerBound.advanced(byMilliseconds: 0xAB))
    #expect(String(decoding: digits.dropFirst(20).prefix(8), as: UTF8.self) == "000000AB")
  }
}
