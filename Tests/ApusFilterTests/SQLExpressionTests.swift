import ApusBase
import ApusModel
import Foundation
import Testing

@testable import ApusFilter

@Suite struct SQLExpressionTests {
  /// One row that Java recorded.
  struct Row: CustomTestStringConvertible {
    var number: String
    var expression: String
    var properties: [String: String]
    var result: String
    var isDelivered: Bool
    var testDescription: String { "\(number): \(expression)" }
  }

  static let rows: [Row] = {
    let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Fixtures/sql92.tsv")
    guard let text = try? String(contentsOf: path, encoding: .utf8) else { return [] }
    return text.split(separator: "\n").dropFirst().compactMap { line in
      let columns = line.split(separator: "\t", omittingEmptySubsequences: false)
      guard columns.count >= 5, let expression = (try? JSONParser.parse(Array(columns[1].utf8).rawSpan))?.text,
        let properties = try? JSONSerialization.jsonObject(with: Data(columns[2].utf8)) as? [String: String]
      else { return nil }
      return Row(
        number: String(columns[0]), expression: expression, properties: properties, result: String(columns[3]),
        isDelivered: columns[4] == "true")
    }
  }()

  static func encoded(_ properties: [String: String]) -> [UInt8] {
    MessageProperties.encode(properties.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) })
  }

  /// What an expression comes to in the words of the recording.
  static func result(_ expression: String, _ bytes: [UInt8]) -> String {
    do throws(SQLFault) {
      switch try SQLExpression(expression).evaluate(MessageProperties(bytes.rawSpan)) {
      case .truth(.yes): return "true"
      case .truth(.no): return "false"
      case .truth(.unknown): return "null"
      case .failed: return "eval-error"
      }
    } catch {
      return "parse-error"
    }
  }

  @Test func `the recorded rows are all here`() { #expect(Self.rows.count == 400) }

  @Test(arguments: rows)
  func `an expression comes to what Java makes of it`(row: Row) {
    // Properties with an empty value do not survive the stored form; the recording evaluated a map.
    let bytes = Self.encoded(row.properties)
    let hasEmpty = row.properties.values.contains("")
    let result = Self.result(row.expression, bytes)
    if hasEmpty {
      let stored = Self.encoded(row.properties.filter { !$0.value.isEmpty })
      #expect(result == Self.result(row.expression, stored))
    } else {
      #expect(result == row.result)
      #expect((result == "true") == row.isDelivered)
    }
  }

  @Test(arguments: [
    ("5 <> missing", "true"), ("5 = missing", "false"), ("missing = missing", "true"), ("TRUE = 5", "parse-error"),
    ("5 = TRUE", "false"), ("TRUE = t", "eval-error"), ("t = TRUE", "true"), ("'true' = TRUE", "true"),
    ("(a = 5) = t", "eval-error"), ("a NOT BETWEEN 10 AND 1", "true"), ("a BETWEEN 1 AND 5.5", "true"),
    ("a = 5 AND", "parse-error"), ("a BETWEEN -1 AND -9", "false"), ("missing > -(t > 5)", "null"),
    ("a > -(t > 5)", "eval-error"), ("a > -(a > 5)", "null"), ("-(t > 5) = 1", "eval-error"),
    ("-(a = 5)", "parse-error"), ("a = 5 AND -- c\n t = 'true'", "true"), ("a NOT 5", "parse-error"),
    ("nan > 1e300", "true"), ("minus < zero", "true"), ("hex = 3.0", "true"),
    ("long = 123456789012345678901.0", "true"),
    ("a IN ('1','22','5','333','x','')", "true"), ("a = 5 = TRUE <> FALSE IS NOT NULL", "true"),
    ("big > 9007199254740992.5", "true"), ("'it''s' = 'it''s'", "true"), ("a BETWEEN 'a' AND 1", "parse-error"),
    ("above > 1.5", "true"), ("below < 1.5", "true"), ("fine = 0.1", "true"), ("suffixed = 2.5", "true"),
    ("dots = 1.5", "eval-error"), ("blank = 1.5", "eval-error"), ("spaced = 1.5", "true"), ("mean > 1.5", "true"),
  ])
  func `what the recording leaves open follows Java's rules`(expression: String, result: String) {
    let bytes = Self.encoded([
      "a": "5", "t": "true", "nan": "NaN", "minus": "-0.0", "zero": "0.0", "hex": "0x1.8p1",
      "long": "123456789012345678901", "big": "9007199254740994", "above": "1e999", "below": "1e-999",
      "fine": "0.1000000000000000055511151231257827", "suffixed": "2.5f", "dots": "1.5.5", "blank": " ",
      "spaced": " 1.5 ", "mean": "Infinity",
    ])
    #expect(Self.result(expression, bytes) == result)
  }

  @Test func `a property that comes twice counts with its last value, however many are named`() throws {
    let names = (0..<20).map { "p\($0)" }
    let condition = names.map { "\($0) = 2" }.joined(separator: " AND ")
    let pairs = names.map { (name: $0, value: "1") } + names.map { (name: $0, value: "2") }
    let expression = try SQLExpression(condition)
    let forward = MessageProperties.encode(pairs)
    let backward = MessageProperties.encode(pairs.reversed())
    let results = (
      expression.matches(MessageProperties(forward.rawSpan)), expression.matches(MessageProperties(backward.rawSpan))
    )
    #expect(results == (true, false))
  }

  @Test(arguments: [
    ("a = $$ AND ?", 11), ("a = 'x", 4), ("a > TRUE", 8), ("", 0), ("a == 5", 3), ("a = 1 AND b BETWEEN 5 AND 1", 27),
  ])
  func `a fault says where it is`(expression: String, position: Int) {
    #expect { try SQLExpression(expression) } throws: { ($0 as? SQLFault)?.position == position }
  }

  @Test func `the depth is bounded, whatever nests`() throws {
    for opening in ["(", "NOT ", "- ", "+", "(NOT (", "a = (", "TRUE AND (", "TRUE AND (FALSE OR (a = ("] {
      let closing = String(repeating: ")", count: opening.count { $0 == "(" })
      for count in [1, 10, 200, 5_000] {
        let text = String(repeating: opening, count: count) + "TRUE" + String(repeating: closing, count: count)
        _ = Self.result(text, [])
      }
      let deep = String(repeating: opening, count: 5_000) + "TRUE"
      #expect(throws: SQLFault.self) { try SQLExpression(deep) }
    }
    #expect(Self.result(String(repeating: "(", count: 100) + "TRUE" + String(repeating: ")", count: 100), []) == "true")
  }

  @Test func `length and number of parts are bounded`() {
    #expect(throws: SQLFault.self) { try SQLExpression("a = '" + String(repeating: "x", count: 100_000) + "'") }
    #expect(throws: SQLFault.self) {
      try SQLExpression("a IN (" + Array(repeating: "''", count: 9_000).joined(separator: ",") + ")")
    }
    #expect(throws: SQLFault.self) {
      try SQLExpression((0..<3_000).map { "a = \($0)" }.joined(separator: " OR ") + " OR FALSE AND TRUE")
    }
    #expect(throws: SQLFault.self) {
      try SQLExpression((0..<300).map { "p\($0) = 1" }.joined(separator: " OR "))
    }
  }

  /// Random texts of tokens, and random bytes among them, over properties that are no better.
  @Test(arguments: 0..<20)
  func `no text and no properties trap`(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let tokens = [
      "a", "b", "c", "=", "<>", "<", ">", "<=", ">=", "(", ")", "AND", "OR", "NOT", "IS", "NULL", "IN", "('x','5')",
      "BETWEEN", "1", "5", "9223372036854775807", "2147483648", "1.5", "1e300", "'x'", "'5'", "TRUE", "FALSE", "-", "+",
      ",", "--", "/*", "*/", "\n", "é", "\u{FFFD}", "'",
    ]
    let values = ["5", "-0", "1e5", "NaN", "x", "٥", "0x1p3", "99999999999999999999", "é", "+", "-", ".", "1e", "true"]
    var compiled = 0
    for _ in 0..<2_000 {
      let count = Int.random(in: 1...30, using: &random)
      let text = (0..<count).map { _ in tokens.randomElement(using: &random) ?? "" }.joined(separator: " ")
      guard let expression = try? SQLExpression(text) else { continue }
      compiled += 1
      var bytes = Self.encoded(
        Dictionary(uniqueKeysWithValues: ["a", "b", "c"].map { ($0, values.randomElement(using: &random) ?? "") }))
      _ = expression.evaluate(MessageProperties(bytes.rawSpan))
      for _ in 0..<4 { bytes[Int.random(in: bytes.indices, using: &random)] = .random(in: 0...255, using: &random) }
      _ = expression.evaluate(MessageProperties(bytes.rawSpan))
    }
    #expect(compiled > 20)
  }
}
