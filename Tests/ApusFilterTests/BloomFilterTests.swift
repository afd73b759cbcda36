import ApusBase
import ApusFilter
import Foundation
import Testing

@Suite struct BloomFilterTests {
  struct Row: CustomTestStringConvertible {
    var error: Int
    var expected: Int
    var hashes: Int
    var bits: Int
    var entry: String
    var positions: [Int32]
    var map: String
    var testDescription: String { "\(error) % of \(expected): \(entry)" }
  }

  static let rows: [Row] = {
    let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Fixtures/filter/bloom.tsv")
    guard let text = try? String(contentsOf: path, encoding: .utf8) else { return [] }
    return text.split(separator: "\n").filter { $0.hasPrefix("bloom\t") }.compactMap { line in
      let columns = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      guard columns.count == 8, let error = Int(columns[1]), let expected = Int(columns[2]),
        let hashes = Int(columns[3]),
        let bits = Int(columns[4]), let entry = (try? JSONParser.parse(Array(columns[5].utf8).rawSpan))?.text
      else { return nil }
      return Row(
        error: error, expected: expected, hashes: hashes, bits: bits, entry: entry,
        positions: columns[6].dropFirst().dropLast().split(separator: ",").compactMap { Int32($0) }, map: columns[7])
    }
  }()

  @Test func `the recorded rows are all here`() { #expect(Self.rows.count == 28) }

  @Test(arguments: rows)
  func `the bits of an entry are those that Java sets`(row: Row) throws {
    let filter = try #require(BloomFilter(errorPercent: row.error, expected: row.expected))
    #expect(filter.hashCount == row.hashes)
    #expect(filter.bitCount == row.bits)
    let positions = filter.positions(of: row.entry)
    #expect(positions == row.positions)
    let map = filter.bitMap(of: positions).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    #expect(map == row.map)
  }

  @Test(arguments: [(0, 32), (100, 32), (20, 0), (-1, 1), (20, 1 << 40)])
  func `settings without a filter are refused`(error: Int, expected: Int) {
    #expect(BloomFilter(errorPercent: error, expected: expected) == nil)
  }
}
